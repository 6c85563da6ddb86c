// The pages of a large zone's parts: where each parcel has its reasons, mains and ways, and the way back.
(function (gp) {
  'use strict';

  var data = gp.data;
  var parts = data.parts;

  function link(number, content, hash) {
    var node = gp.node('a', '', content);
    node.href = encodeURIComponent(parts.folder) + '/' + encodeURIComponent(parts.file[number]) + (hash || '');
    return node;
  }

  // In a parcel's panel: the page that says more of it.
  gp.partLine = function (i) {
    if (!data.left_out) { return null; }
    if (!parts) { return gp.node('p', 'gp-hint', gp.word('part.unsaved')); }
    return gp.node('p', 'gp-line', link(parts.of[i], gp.word('part.open'), '#' + encodeURIComponent(gp.text(data.parcels.id[i]))));
  };

  // In the overview: all of them.
  gp.partsBox = function () {
    if (!data.left_out) { return null; }
    if (!parts) { return gp.node('p', 'gp-hint', gp.word('part.unsaved')); }
    var counts = parts.file.map(function () { return 0; });
    parts.of.forEach(function (number) { counts[number] += 1; });
    var list = gp.node('ul', 'gp-notes');
    parts.file.forEach(function (file, number) {
      list.appendChild(gp.node('li', '', link(number, gp.node('span', '', String(number + 1) + ' ', parts.name[number] || gp.word('part.none'))),
        ' ', gp.node('span', 'gp-soft', gp.number(counts[number]) + ' ', gp.word('unit.parcels'))));
    });
    return gp.node('div', '', gp.node('h2', '', gp.word('part.list')), list);
  };

  // Above the map of a part: which it is, and the way back.
  gp.partTitle = function () {
    var part = data.about.part;
    if (!part) { return null; }
    var back = gp.node('a', 'gp-part', gp.word('part.back'));
    back.href = '../' + encodeURIComponent(part[1]);
    return gp.node('span', '', ' \u00b7 ', part[0] || gp.word('part.none'), ' ', back);
  };

  // A page that was opened for one parcel shows it.
  gp.startParts = function () {
    var wanted = '';
    try { wanted = decodeURIComponent(window.location.hash.slice(1)); } catch (error) { return; }
    if (!wanted) { return; }
    data.parcels.id.some(function (number, i) {
      if (gp.text(number) !== wanted) { return false; }
      gp.choose(i, { zoom: true });
      return true;
    });
  };
}(window.gisplan));
