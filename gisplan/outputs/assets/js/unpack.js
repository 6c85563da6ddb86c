// The data block of a large zone is pressed: everything else waits until the browser has read it.
window.gisplanUnpack = function (run) {
  'use strict';

  var raw = window.atob(document.getElementById('gisplan-data').textContent);
  var bytes = new Uint8Array(raw.length);
  for (var i = 0; i < raw.length; i += 1) { bytes[i] = raw.charCodeAt(i); }
  var stream = new window.Blob([bytes]).stream().pipeThrough(new window.DecompressionStream('gzip'));
  new window.Response(stream).json().then(function (block) {
    window.gisplanBlock = block;
    run();
  });
};
