// The way of one answer drawn on the map: from the parcel to the main and along the network to its source; or the gap.
(function (gp) {
  'use strict';

  var L = window.L;
  var data = gp.data;
  var ways = data.ways;
  var rows = {};             // by answer: the row in which its way begins
  var unsure = {};
  var steps = null;
  var leads = null;
  var drawn = null;
  gp.traced = null;
  var SHOWN = 12;

  if (ways) {
    ways.cell.forEach(function (cell, row) { rows[cell] = row; });
    ways.unsure.forEach(function (row) { unsure[row] = true; });
  }

  function gapRow(parcel, service) {
    var found = -1;
    data.gaps.parcel.forEach(function (other, row) {
      if (other === parcel && data.gaps.service[row] === service) { found = row; }
    });
    return found;
  }

  // The way of an answer: its pieces, the features passed in order, and whether every one of them is known to operate;
  // null where it has none.
  gp.wayOf = function (parcel, service) {
    var row = rows[service * gp.count + parcel];
    if (row === undefined) { return null; }
    steps = steps || gp.pieces(ways.steps, ways.next.length);
    leads = leads || gp.pieces(ways.leads, ways.cell.length);
    var found = { pieces: leads[row].slice(), features: [], sure: !unsure[row] };
    for (var step = ways.step[row]; step >= 0; step = ways.next[step]) {
      var feature = gp.text(ways.feature[step]);
      found.pieces = found.pieces.concat(steps[step]);
      if (found.features[found.features.length - 1] !== feature) { found.features.push(feature); }
    }
    return found;
  };

  gp.hasWay = function (parcel, service) {
    return rows[service * gp.count + parcel] !== undefined || gapRow(parcel, service) >= 0;
  };

  // The service that stands out: that of the way that is drawn, else the one that the map is coloured by.
  gp.focus = function () { return gp.traced ? gp.traced.service : gp.view; };

  gp.clearWay = function () {
    if (drawn) { drawn.remove(); }
    drawn = null;
    gp.traced = null;
  };

  // Draws it, and moves the map there when asked to.
  gp.drawWay = function (zone, parcel, service, move) {
    gp.clearWay();
    var way = gp.wayOf(parcel, service);
    var gap = way ? -1 : gapRow(parcel, service);
    var pieces = way ? way.pieces : gap >= 0 ? gp.pieces(data.gaps.parts, data.gaps.parcel.length)[gap] : [];
    if (!pieces.length) { return; }
    var dash = way ? (way.sure ? null : '10 7') : '4 6';
    var colour = way ? gp.colour(data.services[service], 'operating') : '#a3123f';
    function style(more) { return L.extend({ pane: 'gp-trace', renderer: zone.traceRenderer, interactive: false }, more); }
    drawn = L.layerGroup([
      L.polyline(pieces, style({ color: '#ffffff', weight: 13, opacity: 0.9 })),
      L.polyline(pieces, style({ color: '#11292b', weight: 8.5, dashArray: dash, lineCap: 'butt' })),
      L.polyline(pieces, style({ color: colour, weight: 5, dashArray: dash, lineCap: 'butt' }))
    ]).addTo(zone.map);
    var first = pieces[0][0];
    var end = pieces[pieces.length - 1];
    [first, end[end.length - 1]].forEach(function (at, i) {
      drawn.addLayer(L.circleMarker(at, style({ radius: i ? 8 : 5, color: '#11292b', weight: 2.5, fill: true, fillColor: '#ffffff', fillOpacity: i ? 0 : 1 })));
    });
    gp.traced = { parcel: parcel, service: service };
    if (move) {
      var bounds = L.latLngBounds([]);
      pieces.forEach(function (piece) { piece.forEach(function (at) { bounds.extend(at); }); });
      bounds.extend(zone.boundsOf(parcel));
      zone.map.fitBounds(bounds, { padding: [40, 40], animate: false });
    }
  };

  // What is passed, as words: pipe after pipe with its size, to the source.
  gp.wayText = function (way, source) {
    var sizes = gp.sizes();
    var named = way.features.map(function (feature) {
      return sizes[feature] ? feature + ' (' + gp.plain(gp.sized(sizes[feature])) + ')' : feature;
    });
    var rest = named.length - SHOWN;
    var text = gp.node('p', 'gp-way', gp.node('span', 'gp-soft', gp.word(way.sure ? 'way.passes' : 'way.perhaps')), ' ');
    gp.append(text, named.slice(0, SHOWN).concat(rest > 0 ? ['… +' + rest] : []).concat(source ? [source] : []).join(' → '));
    return text;
  };

  var sizes = null;
  gp.sizes = function () {
    if (!sizes) {
      sizes = {};
      data.lines.feature.forEach(function (number, row) { sizes[gp.text(number)] = gp.text(data.lines.label[row]); });
    }
    return sizes;
  };
}(window.gisplan));
