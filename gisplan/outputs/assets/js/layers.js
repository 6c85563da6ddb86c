// Draws the zone into the groups that folium made: parcels, a group of lines and of points per service, gaps, barriers.
(function (gp) {
  'use strict';

  var L = window.L;
  var data = gp.data;
  var MANY = 2500;           // above this many shapes one canvas is faster than SVG; below, SVG prints sharp
  var SIGNS = { source: 'source', boundary_supply: 'source', outfall: 'outfall' };
  var MINOR = { pump: 1, manhole: 1, hydrant: 1, joint: 1 };
  // metres per pixel from which small things show; further out they would only be clutter
  var SCALES = { minor: 1.3, small: 3, gaps: 2 };
  var BARRIERS = {
    river: { color: '#8fbcd8', weight: 5, dashArray: null, fillColor: '#bfdcec' },
    rail: { color: '#4a4f52', weight: 3.5, dashArray: '9 7', lineCap: 'butt', fillColor: '#9aa1a4' },
    expressway: { color: '#bd9443', weight: 5, dashArray: null, fillColor: '#e6cf9a' },
    other: { color: '#8d8d8d', weight: 4, dashArray: '2 6', fillColor: '#cccccc' }
  };
  gp.BARRIERS = BARRIERS;
  gp.isSign = function (role) { return Boolean(SIGNS[role]); };

  // Every parcel a shape of its own.
  function each(zone, options) {
    zone.bounds = L.latLngBounds([]);
    var anchors = [];
    zone.parcels = [];
    gp.places(data.parcels.at).forEach(function (place) { anchors[place[0]] = place[1]; });
    zone.anchorOf = function (i) { return anchors[i]; };
    gp.pieces(data.parcels.rings, gp.count).forEach(function (rings, i) {
      rings.forEach(function (ring) { ring.forEach(function (place) { zone.bounds.extend(place); }); });
      var parcel = L.polygon(rings, options('parcels', gp.parcelStyle(gp.shown(i, 'ready'), false, true)));
      parcel.on('click', function (event) { gp.choose(i, { at: event.latlng, popup: true }); });
      parcel.addTo(zone.groups.parcels);
      zone.parcels.push(parcel);
    });
    zone.restyle = function (i) {
      zone.parcels[i].setStyle(gp.parcelStyle(gp.shown(i, gp.view), i === gp.chosen, gp.matched[i]));
    };
    zone.restyleAll = function () { zone.parcels.forEach(function (parcel, i) { zone.restyle(i); }); };
    zone.raise = function (i) { zone.parcels[i].bringToFront(); };
    zone.boundsOf = function (i) { return zone.parcels[i].getBounds(); };
    zone.visible = function (seen) { zone.parcels.forEach(function (parcel, i) { seen(i); }); };
  }

  gp.drawZone = function (map, groups) {
    var lines = data.lines;
    var points = data.points;
    var many = gp.count + lines.feature.length + points.feature.length
      + data.joins.feature.length + data.faults.code.length > MANY;
    var canvas = many ? L.canvas({ pane: 'gp-parcels', tolerance: 4, padding: 0.3 }) : null;
    var renderers = {};

    function renderer(name) {
      if (canvas) { return canvas; }
      renderers[name] = renderers[name] || L.svg({ pane: 'gp-' + name, padding: 0.4 });
      return renderers[name];
    }

    function options(name, style) {
      return L.extend({ renderer: renderer(name), pane: 'gp-' + name, bubblingMouseEvents: false }, style);
    }

    var zone = { map: map, groups: groups, canvas: canvas, lines: [], points: [], minor: [], small: [], gaps: [], joinPlaces: [], close: {}, opacity: data.services.map(function () { return 1; }), serviceOn: [], otherOn: {} };
    zone.traceRenderer = L.svg({ pane: 'gp-trace', padding: 0.4 });
    (data.left_out ? gp.weave : each)(zone, options);
    if (zone.bounds.isValid()) { map.fitBounds(zone.bounds, { padding: [18, 18], animate: false }); }

    gp.pieces(lines.parts, lines.feature.length).forEach(function (pieces, i) {
      var service = data.services[lines.service[i]];
      var state = gp.text(lines.state[i]);
      if (!pieces.length || !service) { return; }
      var line = L.polyline(pieces, options('lines', {
        color: gp.colour(service, state), weight: 2, lineCap: gp.known(state) ? 'butt' : 'round'
      }));
      var entry = { row: i, service: lines.service[i], state: state, layer: line, pieces: pieces };
      line.on('click', function (event) { gp.showFeature(entry, lines, event.latlng); });
      line.addTo(groups.lines[entry.service]);
      zone.lines.push(entry);
    });

    gp.places(points.at).forEach(function (place) {
      var i = place[0];
      var service = data.services[points.service[i]];
      if (!service) { return; }
      var role = gp.text(points.role[i]);
      var state = gp.text(points.state[i]);
      var entry = { row: i, service: points.service[i], state: state, role: role };
      entry.layer = SIGNS[role] ? sign(place[1], service, role, state, i) : dot(place[1], service, role, state);
      entry.layer.on('click', function () { gp.showFeature(entry, points, L.latLng(place[1])); });
      if (SIGNS[role] || state === 'closed') {
        entry.layer.addTo(groups.points[entry.service]);
      } else {
        zone[MINOR[role] ? 'minor' : 'small'].push(entry);
      }
      zone.points.push(entry);
    });

    function sign(at, service, role, state, row) {
      var icon = L.divIcon({ className: 'gp-sign', iconSize: [22, 22], html: gp.sign(role, service, state) });
      var name = gp.text(points.name[row]) || gp.text(points.feature[row]);
      return L.marker(at, { icon: icon, pane: 'gp-points', title: name, alt: name, riseOnHover: true });
    }

    function dot(at, service, role, state) {
      var colour = gp.colour(service, state);
      var filled = role === 'valve' && state === 'closed';
      return L.circleMarker(at, options('points', {
        radius: MINOR[role] ? 2 : 4, color: filled ? '#11292b' : colour, weight: MINOR[role] ? 1 : 1.8,
        fill: true, fillColor: filled ? '#11292b' : '#ffffff', fillOpacity: 1
      }));
    }

    gp.pieces(data.gaps.parts, data.gaps.parcel.length).forEach(function (pieces, i) {
      var service = data.services[data.gaps.service[i]];
      if (!pieces.length || !service) { return; }
      var line = L.polyline(pieces, options('gaps', { color: '#a3123f', weight: 1.8, dashArray: '3 4', lineCap: 'butt' }));
      var entry = { row: i, service: data.gaps.service[i], layer: line };
      line.on('click', function (event) { gp.showGap(i, event.latlng); });
      zone.gaps.push(entry);
    });

    if (data.barriers) {
      ['parts', 'rings'].forEach(function (way) {
        gp.pieces(data.barriers[way], data.barriers.feature.length).forEach(function (pieces, i) {
          if (!pieces.length) { return; }
          var style = BARRIERS[gp.text(data.barriers.kind[i])] || BARRIERS.other;
          var shape = way === 'parts'
            ? L.polyline(pieces, options('barriers', style))
            : L.polygon(pieces, options('barriers', L.extend({}, style, { weight: 1, dashArray: null, fillOpacity: 0.85 })));
          shape.on('click', function (event) { gp.showBarrier(i, event.latlng); });
          shape.addTo(groups.barriers);
        });
      });
    }

    data.services.forEach(function (service, i) { zone.serviceOn[i] = true; });
    zone.otherOn = { parcels: true, gaps: true, barriers: Boolean(data.barriers) };
    gp.layBase(zone);
    gp.drawFaults(zone, options);
    return zone;
  };

  // Sources are discs, outfalls triangles; the service's letters stand inside or beneath.
  gp.sign = function (role, service, state) {
    var svg = gp.svg('svg', { viewBox: '0 0 22 22', width: 22, height: 22, 'aria-hidden': 'true' });
    var colour = gp.colour(service, state);
    var open = state === 'construction' || state === 'built' || state === 'planned';
    var look = { fill: open ? '#ffffff' : colour, stroke: open ? colour : '#ffffff', 'stroke-width': open ? 2 : 1.4 };
    if (state === 'planned') { look['stroke-dasharray'] = '3 2'; }
    svg.appendChild(role === 'outfall'
      ? gp.svg('path', L.extend({ d: 'M1.5 4 H20.5 L11 20.5 Z' }, look))
      : gp.svg('circle', L.extend({ cx: 11, cy: 11, r: 9.6 }, look)));
    var text = gp.svg('text', { x: 11, y: role === 'outfall' ? 11.6 : 14.2, fill: open ? colour : '#ffffff' });
    if (role === 'outfall') { text.setAttribute('class', 'gp-sign-small'); }
    text.textContent = service.letter;
    svg.appendChild(text);
    return svg;
  };

  // Line widths follow the scale; small points come and go with it.
  gp.settleScale = function (zone) {
    var mpp = gp.metresPerPixel(zone.map);
    var weight = gp.weight(mpp);
    if (weight !== zone.weight) {
      zone.weight = weight;
      zone.lines.forEach(function (entry) {
        entry.layer.setStyle({ weight: weight, dashArray: gp.dash(entry.state, weight) });
      });
    }
    var changed = false;
    Object.keys(SCALES).forEach(function (name) {
      var close = mpp < SCALES[name];
      if (close === zone.close[name]) { return; }
      zone.close[name] = close;
      changed = true;
      (name === 'minor' || name === 'small' ? zone[name] : []).forEach(function (entry) {
        var group = zone.groups.points[entry.service];
        if (close) { group.addLayer(entry.layer); } else { group.removeLayer(entry.layer); }
      });
      // what has just come on does not have its service's opacity yet
      if (close) { zone.opacity = zone.opacity.map(function () { return 0; }); }
    });
    zone.map.getContainer().classList.toggle('gp-far', mpp > 6);
    return gp.scaleFaults(zone) || changed;
  };

  // Which layers are on, and what steps back when the map is coloured by one service.
  gp.settleLayers = function (zone, view) {
    var map = zone.map;
    function show(layer, on) {
      if (on && !map.hasLayer(layer)) { map.addLayer(layer); }
      if (!on && map.hasLayer(layer)) { map.removeLayer(layer); }
    }
    data.services.forEach(function (service, i) {
      show(zone.groups.lines[i], zone.serviceOn[i]);
      show(zone.groups.points[i], zone.serviceOn[i]);
      var opacity = gp.focus() === 'ready' || gp.focus() === i ? 1 : 0.16;
      if (opacity === zone.opacity[i]) { return; }
      zone.opacity[i] = opacity;
      [zone.groups.lines[i], zone.groups.points[i]].forEach(function (group) {
        group.eachLayer(function (layer) {
          if (layer.setOpacity) { layer.setOpacity(opacity); } else { layer.setStyle({ opacity: opacity, fillOpacity: opacity }); }
        });
      });
    });
    // lines that fan out from one main to all parcels without it step back behind what is on the ground
    var faint = view === 'ready' || !zone.close.gaps;
    if (faint !== zone.faint) {
      zone.faint = faint;
      zone.gaps.forEach(function (entry) {
        entry.layer.setStyle({ weight: faint ? 1 : 1.8, opacity: faint ? 0.55 : 1, dashArray: faint ? '2 3' : '3 4' });
      });
    }
    zone.gaps.forEach(function (entry) {
      var on = view === 'ready' ? zone.close.gaps && zone.serviceOn[entry.service] : entry.service === view;
      if (on) { zone.groups.gaps.addLayer(entry.layer); } else { zone.groups.gaps.removeLayer(entry.layer); }
    });
    (zone.base ? ['base'] : []).concat(['parcels', 'barriers', 'gaps']).forEach(function (name) { show(zone.groups[name], zone.otherOn[name]); });
    gp.dimLayer('gaps', view === 'ready' && !zone.close.gaps);
    // on one canvas the order of drawing decides; with SVG each kind has a pane of its own
    if (zone.canvas && zone.otherOn.parcels) { zone.groups.parcels.bringToBack(); }
    gp.settleFaults(zone, view);
  };

  // The line nearest to a click that hit nothing, within a few pixels.
  gp.nearestLine = function (zone, latlng) {
    var point = zone.map.latLngToLayerPoint(latlng);
    var best = null;
    var least = 7;
    zone.lines.forEach(function (entry) {
      if (!zone.serviceOn[entry.service]) { return; }
      var near = entry.layer.closestLayerPoint(point);
      if (near && near.distance < least) {
        least = near.distance;
        best = entry;
      }
    });
    return best;
  };
}(window.gisplan));
