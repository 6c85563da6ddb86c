// Draws guessed joins, near misses, breaks and other faults, each kind in a group that can be switched off.
(function (gp) {
  'use strict';

  var L = window.L;
  var data = gp.data;
  var FEW = 1500;            // so many near misses and breaks are drawn above everything else, also beside a canvas
  var BESIDE = [13, 13];     // pixels: from a source or outfall to the sign of a fault at it
  var FAR = 2.5;              // metres per pixel from which signs are drawn smaller

  // The group a fault is drawn in: near misses, what was kept apart, a break by its cause, anything else by its kind.
  gp.faultGroup = function (row) {
    var code = gp.text(data.faults.code[row]);
    var cause = gp.text(data.faults.cause[row]);
    if (code === 'near_wide' || code === 'near_kept') { return 'near_refused'; }
    if (code.indexOf('break_') !== 0) { return code; }
    return gp.BREAKS.indexOf(cause) >= 0 ? cause : code.slice(6);
  };

  gp.isBreak = function (group) { return gp.BREAKS.indexOf(group) >= 0; };

  gp.joinGroup = function (row) {
    if (zoneUndone[row]) { return 'undone'; }
    return gp.text(data.joins.doubt[row]) ? 'doubtful' : 'joins';
  };

  gp.groupWord = function (group) {
    var key = gp.isBreak(group) ? 'fault.break_' + group : 'fault.' + group;
    if (data.words['layer.' + group]) { return gp.word('layer.' + group); }
    if (!data.words[key]) { return group; }
    var pair = gp.word(key);
    return [pair[0], pair[1].charAt(0).toUpperCase() + pair[1].slice(1)];
  };

  var zoneUndone = {};
  data.joins.undone.forEach(function (row) { zoneUndone[row] = true; });

  gp.drawFaults = function (zone, options) {
    zone.signs = {};         // group and service: the layer that holds them
    zone.signGroups = {};    // group: how many, on or off, and how it looks
    zone.faultPlaces = [];
    zone.labels = [];

    function group(name, severity) {
      if (!zone.signGroups[name]) {
        var sign = gp.signOf(name, severity);
        zone.signGroups[name] = { name: name, count: 0, on: true, sign: sign, severity: severity };
      }
      return zone.signGroups[name];
    }

    function put(name, service, layer) {
      var key = name + ' ' + service;
      if (!zone.signs[key]) { zone.signs[key] = { group: name, service: service, layer: L.featureGroup() }; }
      zone.signs[key].layer.addLayer(layer);
    }

    // On the canvas signs would lie beneath the discs of sources, where the gravest breaks are.
    var high = data.faults.code.filter(function (code, row) { return height(gp.faultGroup(row)); }).length;
    var top = zone.canvas && high <= FEW ? L.svg({ pane: 'gp-faults', padding: 0.4 }) : null;
    function drawn(name, style) {
      var made = options('faults', style);
      return top && height(name) ? L.extend(made, { renderer: top }) : made;
    }
    var discs = zone.points.filter(function (entry) { return gp.isSign(entry.role); })
      .map(function (entry) { return entry.layer.getLatLng(); });
    zone.faultBeside = {};
    function beside(row, place) {
      if (discs.some(function (at) { return zone.map.distance(at, place) < 5; })) { zone.faultBeside[row] = BESIDE; }
      return zone.faultBeside[row];
    }

    var marks = [];
    gp.places(data.joins.at).forEach(function (place) {
      var row = place[0];
      var name = gp.joinGroup(row);
      var mark = gp.makeSign(place[1], group(name).sign, options('faults', {}));
      zone.signGroups[name].count += 1;
      zone.joinPlaces[row] = place[1];
      mark.on('click', function () { gp.showJoin(row, L.latLng(place[1])); });
      marks.push([name, data.joins.service[row], mark]);
    });

    var faults = data.faults;
    var first = marks.length;
    var lines = gp.pieces(faults.parts, faults.code.length);
    gp.places(faults.at).forEach(function (place) {
      var row = place[0];
      var severity = gp.text(faults.severity[row]);
      var name = gp.faultGroup(row);
      var kind = group(name, severity);
      var sign = gp.SIGNS[name] ? kind.sign : gp.signOf(name, severity);
      function show(event) { gp.showFault(row, event.latlng); }
      kind.count += 1;
      zone.faultPlaces[row] = place[1];
      if (lines[row].length) {
        var line = L.polyline(lines[row], drawn(name, {
          color: sign.colour, weight: sign.weight || 2, dashArray: sign.dash || null, lineCap: 'butt'
        }));
        line.on('click', show);
        line.gpIdle = gp.isBreak(name) && !(faults.stranded_mu[row] > 0);
        put(name, faults.service[row], line);
      }
      var mark = gp.makeSign(place[1], sign, drawn(name, { beside: beside(row, place[1]) }));
      mark.on('click', show);
      marks.push([name, faults.service[row], mark]);
    });
    zone.faultLines = lines;
    // what most land hangs on comes first in the table: drawn last, it lies on top
    marks.slice(0, first).concat(marks.slice(first).reverse()).forEach(function (mark) { put(mark[0], mark[1], mark[2]); });
    zone.signOrder = Object.keys(zone.signs).sort(function (a, b) {
      return height(zone.signs[a].group) - height(zone.signs[b].group);
    });
  };

  // Signs are smaller from afar; true if what shows has changed.
  gp.scaleFaults = function (zone) {
    var mpp = gp.metresPerPixel(zone.map);
    var far = mpp > FAR;
    var changed = false;
    Object.keys(zone.signGroups).forEach(function (name) {
      var kind = zone.signGroups[name];
      var near = !kind.sign.near || mpp < kind.sign.near;
      if (near === kind.near) { return; }
      kind.near = near;
      changed = true;
    });
    if (far !== zone.signsFar) {
      zone.signsFar = far;
      eachSign(zone, function (entry) {
        entry.layer.eachLayer(function (layer) {
          var sign = zone.signGroups[entry.group].sign;
          if (layer.setRadius) {
            layer.setRadius(sign.radius * (far ? 0.75 : 1));
          } else {
            // a break that no land hangs on stays thin
            layer.setStyle({ weight: (sign.weight || 2) * (layer.gpIdle ? 0.45 : far ? 0.65 : 1), opacity: layer.gpIdle ? 0.7 : 1 });
          }
        });
      });
    }
    return changed;
  };

  // Breaks lie on top of near misses, and these on everything else.
  function height(group) { return gp.isBreak(group) ? 2 : group.indexOf('near_') === 0 ? 1 : 0; }

  function eachSign(zone, each) {
    zone.signOrder.forEach(function (key) { each(zone.signs[key]); });
  }

  // A sign shows when its group is on and near enough, and when its service is on and not stepping back.
  gp.settleFaults = function (zone, view) {
    eachSign(zone, function (entry) {
      var kind = zone.signGroups[entry.group];
      var service = entry.service < 0 ? view === 'ready' : zone.serviceOn[entry.service] && (view === 'ready' || view === entry.service);
      entry.on = Boolean(kind.on && kind.near && service);
      if (!entry.on && zone.map.hasLayer(entry.layer)) { zone.map.removeLayer(entry.layer); }
      if (!entry.on) { return; }
      zone.map.addLayer(entry.layer);
      // the order of drawing decides what lies on top
      entry.layer.bringToFront();
    });
    Object.keys(zone.signGroups).forEach(function (name) { gp.dimLayer(name, !zone.signGroups[name].near); });
    if (zone.otherKinds) {
      gp.dimLayer('others', !zone.otherKinds.some(function (name) { return zone.signGroups[name].near; }));
    }
  };

  gp.faultShown = function (zone, row) {
    var entry = zone.signs[gp.faultGroup(row) + ' ' + data.faults.service[row]];
    return Boolean(entry && entry.on);
  };

  // Where to look to see a fault: its lines, or sixty metres about its mark.
  gp.boundsAbout = function (place, pieces) {
    var bounds = L.latLngBounds([]);
    if (data.plain) {
      bounds.extend([place[0] - 60, place[1] - 60]).extend([place[0] + 60, place[1] + 60]);
    } else {
      bounds.extend(L.latLng(place).toBounds(120));
    }
    pieces.forEach(function (piece) { piece.forEach(function (vertex) { bounds.extend(vertex); }); });
    return bounds;
  };

  // --- the legend, which also switches the groups
  gp.fillFaultLayers = function (zone, toggle, changed) {
    var box = document.getElementById('gp-fault-layers');
    var others = document.getElementById('gp-fault-others');
    var boxes = [];

    function row(name, list) {
      var kind = zone.signGroups[name];
      var made = toggle(gp.groupWord(name), gp.signSample(kind.sign), kind.on, function (on) {
        kind.on = on;
        changed();
      });
      made.item.id = 'gp-layer-' + name;
      made.item.firstChild.appendChild(gp.node('span', 'gp-key-sum', gp.number(kind.count)));
      list.appendChild(made.item);
      return made.box;
    }

    Object.keys(gp.SIGNS).forEach(function (name) { if (zone.signGroups[name]) { row(name, box); } });
    var kinds = Object.keys(zone.signGroups).filter(function (name) { return !gp.SIGNS[name]; });
    if (!Object.keys(zone.signGroups).length) {
      document.getElementById('gp-fault-box').hidden = true;
    }
    if (!kinds.length) { return; }
    var sum = 0;
    kinds.forEach(function (name) {
      sum += zone.signGroups[name].count;
      boxes.push([row(name, others), zone.signGroups[name]]);
    });
    zone.otherKinds = kinds;
    var master = toggle(gp.word('layer.others'), gp.signSample(gp.signOf('', 'warning')), true, function (on) {
      boxes.forEach(function (entry) {
        entry[0].checked = on;
        entry[1].on = on;
      });
      changed();
    });
    master.item.id = 'gp-layer-others';
    master.item.firstChild.appendChild(gp.node('span', 'gp-key-sum', gp.number(sum)));
    box.appendChild(master.item);
    document.getElementById('gp-fault-kinds').hidden = false;
  };
}(window.gisplan));
