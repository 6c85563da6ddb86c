// The data block: texts by number, coordinates as differences of whole steps. No text in it is ever read as HTML.
window.gisplan = {};
(function (gp) {
  'use strict';

  var data = JSON.parse(document.getElementById('gisplan-data').textContent);
  gp.data = data;
  gp.GRADES = ['A', 'B', 'C', 'D', 'U', 'N'];
  gp.READY = ['yes', 'no', 'unknown'];

  gp.text = function (number) {
    return number < 0 ? '' : data.texts[number];
  };

  // Vertices as [lat, lng] (or [north, east] in metres), in the order of the block.
  function vertices(xy) {
    var out = new Array(xy.length / 2);
    var x = 0;
    var y = 0;
    for (var i = 0, k = 0; i < xy.length; i += 2, k += 1) {
      x += xy[i];
      y += xy[i + 1];
      out[k] = [y * data.unit, x * data.unit];
    }
    return out;
  }

  // Rings or lines of each of `count` rows.
  gp.pieces = function (parts, count) {
    var all = vertices(parts.xy);
    var rows = [];
    var at = 0;
    for (var i = 0; i < count; i += 1) { rows.push([]); }
    parts.of.forEach(function (row, piece) {
      var end = at + parts.n[piece];
      if (end > at) { rows[row].push(all.slice(at, end)); }
      at = end;
    });
    return rows;
  };

  // Points as [row, [lat, lng]].
  gp.places = function (at) {
    return vertices(at.xy).map(function (place, i) { return [at.of[i], place]; });
  };

  gp.count = data.parcels.id.length;

  // The ten answers of one parcel, in the profile's order.
  gp.answers = function (parcel) {
    var cells = data.cells;
    return data.services.map(function (service, number) {
      var at = number * gp.count + parcel;
      return {
        service: service,
        grade: cells.grade[at],
        optional: cells.need[at] === 'o',
        feature: gp.text(cells.feature[at]),
        source: gp.text(cells.source[at]),
        works: gp.text(cells.works[at]),
        readyOn: gp.text(cells.ready_on[at]),
        code: gp.text(cells.code[at]),
        reason: [gp.text(cells.reason_zh[at]), gp.text(cells.reason_en[at])],
        distance: cells.distance_m[at],
        path: cells.path_m[at],
        reserve: cells.reserve[at]
      };
    });
  };

  // What a parcel shows on the day of the check when the map is coloured by `view`: yes, no, unknown, or a grade.
  gp.today = function (parcel, view) {
    if (view === 'ready') { return gp.text(data.parcels.ready[parcel]) || 'unknown'; }
    return data.cells.grade[view * gp.count + parcel];
  };

  gp.number = function (value, digits) {
    var parts = value.toFixed(digits || 0).split('.');
    parts[0] = parts[0].replace(/\B(?=(\d{3})+(?!\d))/g, ',');
    return parts.join('.');
  };
}(window.gisplan));
