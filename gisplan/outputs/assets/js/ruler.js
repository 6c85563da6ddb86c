// Coordinates of the pointer in the zone's own system, and a ruler that measures in it.
(function (gp) {
  'use strict';

  var L = window.L;
  var data = gp.data;
  var box = document.getElementById('gp-where');
  var points = [];
  var line = null;

  // East and north in metres; null where the zone's system cannot be told.
  gp.groundOf = function (at) {
    if (data.plain) { return [at.lng, at.lat]; }
    if (!data.grid) { return null; }
    var x = at.lng - data.grid.middle[0];
    var y = at.lat - data.grid.middle[1];
    var terms = [1, x, y, x * x, x * y, y * y, x * x * x, x * x * y, x * y * y, y * y * y];
    return [data.grid.east, data.grid.north].map(function (by) {
      return terms.reduce(function (sum, term, i) { return sum + term * by[i]; }, 0);
    });
  };

  function metres(a, b, map) {
    var p = gp.groundOf(a);
    var q = gp.groundOf(b);
    return p ? Math.hypot(p[0] - q[0], p[1] - q[1]) : map.distance(a, b);
  }

  gp.measured = function (map) {
    return points.slice(1).reduce(function (sum, at, i) { return sum + metres(points[i], at, map); }, 0);
  };

  function tell(map, at) {
    var place = gp.groundOf(at);
    gp.clear(box);
    if (points.length) {
      var last = points[points.length - 1];
      var sum = gp.measured(map);
      var more = line ? metres(last, at, map) : 0;
      gp.append(box, gp.node('strong', '', gp.word('ruler.sum', { sum: gp.number(sum + more, 1), more: gp.number(more, 1) })));
    }
    gp.append(box, gp.node('span', '', place
      ? gp.word('where.ground', { e: place[0].toFixed(1), n: place[1].toFixed(1), crs: data.about.crs.code || '?' })
      : gp.word('where.degrees', { lat: at.lat.toFixed(6), lng: at.lng.toFixed(6) })));
  }

  gp.startRuler = function (zone) {
    var map = zone.map;
    var button = document.getElementById('gp-ruler');
    var sheet = gp.node('div', 'gp-ruler-sheet');
    sheet.hidden = true;
    map.getContainer().appendChild(sheet);
    gp.ruling = false;
    gp.pointOf = function (lng, lat) { return map.latLngToContainerPoint([lat, lng]); };

    function draw(at) {
      var shown = at ? points.concat([at]) : points;
      if (!line) {
        line = L.polyline(shown, { pane: 'gp-trace', renderer: zone.traceRenderer, interactive: false, color: '#c2185b', weight: 2.5, dashArray: '7 4' }).addTo(map);
      }
      line.setLatLngs(shown);
    }

    function stop() {
      gp.ruling = false;
      sheet.hidden = true;
      map.doubleClickZoom.enable();
      if (line) { line.remove(); }
      line = null;
      points = [];
      button.setAttribute('aria-pressed', 'false');
      gp.clear(box);
    }

    function begin() {
      gp.ruling = true;
      sheet.hidden = false;
      map.closePopup();
      map.doubleClickZoom.disable();
      button.setAttribute('aria-pressed', 'true');
      gp.append(gp.clear(box), gp.word('ruler.how'));
    }

    button.addEventListener('click', function () { if (gp.ruling) { stop(); } else { begin(); } });
    document.addEventListener('keydown', function (event) { if (event.key === 'Escape' && gp.ruling) { stop(); } });
    map.on('click', function (event) {
      if (!gp.ruling) { return; }
      points.push(event.latlng);
      draw(null);
      tell(map, event.latlng);
    });
    map.on('mousemove', function (event) {
      if (gp.ruling && points.length) { draw(event.latlng); }
      tell(map, event.latlng);
    });
    map.on('mouseout', function () { if (!gp.ruling) { gp.clear(box); } });
  };
}(window.gisplan));
