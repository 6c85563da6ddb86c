// The data block: texts by number, coordinates as differences of whole steps. No text in it is ever read as HTML.
window.gisplan = {};
(function (gp) {
  'use strict';

  var block = document.getElementById('gisplan-data');

  function bytes(text) {
    var raw = window.atob(text);
    var out = new Uint8Array(raw.length);
    for (var i = 0; i < raw.length; i += 1) { out[i] = raw.charCodeAt(i); }
    return out;
  }

  var data = window.gisplanBlock || JSON.parse(block.textContent);
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

  var far = data.cells.distance_dm ? new Uint16Array(bytes(data.cells.distance_dm).buffer) : null;
  var UNKNOWN = 0xffff;

  function distance(at) {
    if (!far) { return data.cells.distance_m[at]; }
    return far[at] === UNKNOWN ? null : far[at] / 10;
  }

  // The days of answers that have one, as pairs of answer and day.
  gp.eachDay = function (each) {
    var cells = data.cells;
    cells.ready_on.forEach(function (number, row) {
      if (number >= 0) { each(cells.dated ? cells.dated[row] : row, gp.text(number)); }
    });
  };

  var days = null;
  function dayOf(at) {
    if (!days) {
      days = {};
      gp.eachDay(function (cell, day) { days[cell] = day; });
    }
    return days[at] || '';
  }

  // A large zone has no such column: its sheets have it.
  function told(column, at) { return column ? gp.text(column[at]) : ''; }

  // The ten answers of one parcel, in the profile's order.
  gp.answers = function (parcel) {
    var cells = data.cells;
    return data.services.map(function (service, number) {
      var at = number * gp.count + parcel;
      return {
        service: service,
        grade: cells.grade[at],
        optional: cells.need[at] === 'o',
        feature: told(cells.feature, at),
        source: told(cells.source, at),
        works: told(cells.works, at),
        readyOn: dayOf(at),
        code: told(cells.code, at),
        reason: [told(cells.reason_zh, at), told(cells.reason_en, at)],
        distance: distance(at),
        path: cells.path_m ? cells.path_m[at] : null,
        reserve: cells.reserve ? cells.reserve[at] : null
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
