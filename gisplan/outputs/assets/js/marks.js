// Letters on the map: one in each parcel that has room for it, and line letters (JS, WS …) along the lines, as SVG text.
(function (gp) {
  'use strict';

  var L = window.L;
  var data = gp.data;
  var CELL = 5;              // pixels: no two marks share a cell
  var LINES_MPP = 4.5;       // line letters from this scale on
  var LABELS_MPP = 1.4;      // sizes (DN300, 10 kV) from this scale on
  var GAPS_MPP = 3;          // lengths of gaps from this scale on
  var EVERY = 230;           // pixels between two letters on a line
  var APART = 100;           // pixels: letters of one service keep this far apart, however short its pieces; sizes twice
  var TOLD = 30;             // pixels: one length is enough where several faults lie so close together
  var MOST = 500;

  function width(text, size) {
    var sum = 0;
    for (var i = 0; i < text.length; i += 1) { sum += text.charCodeAt(i) > 0x2e7f ? size : size * 0.58; }
    return sum;
  }

  gp.Marks = L.Layer.extend({
    initialize: function (zone) { this._zone = zone; },

    onAdd: function (map) {
      this._svg = gp.svg('svg', { 'class': 'gp-marks', 'aria-hidden': 'true' });
      map.getPane('gp-marks').appendChild(this._svg);
      this.redraw();
    },

    onRemove: function () { this._svg.parentNode.removeChild(this._svg); },

    getEvents: function () { return { moveend: this.redraw, zoomstart: this._hide, resize: this.redraw }; },

    _hide: function () { this._svg.style.visibility = 'hidden'; },

    redraw: function () {
      var map = this._map;
      if (!map) { return; }
      var size = map.getSize();
      var pad = size.multiplyBy(0.2).round();
      var corner = map.containerPointToLayerPoint([0, 0]).subtract(pad);
      var whole = size.add(pad.multiplyBy(2));
      gp.clear(this._svg);
      this._svg.setAttribute('width', whole.x);
      this._svg.setAttribute('height', whole.y);
      this._svg.setAttribute('viewBox', [corner.x, corner.y, whole.x, whole.y].join(' '));
      L.DomUtil.setPosition(this._svg, corner);
      this._box = L.bounds(corner, corner.add(whole));
      this._taken = {};
      this._near = {};
      this._left = MOST;
      var mpp = gp.metresPerPixel(map);
      if (this._zone.otherOn.parcels) { this._parcels(); }
      this._faults(mpp);
      if (mpp < LINES_MPP) { this._lines(mpp < LABELS_MPP); }
      this._svg.style.visibility = '';
    },

    // Takes the cells under a text of this extent; false if one is taken already.
    _take: function (x, y, w, h) {
      var cells = [];
      for (var i = Math.floor((x - w / 2) / CELL); i <= Math.floor((x + w / 2) / CELL); i += 1) {
        for (var j = Math.floor((y - h / 2) / CELL); j <= Math.floor((y + h / 2) / CELL); j += 1) {
          if (this._taken[i + ',' + j]) { return false; }
          cells.push(i + ',' + j);
        }
      }
      cells.forEach(function (cell) { this._taken[cell] = true; }, this);
      return true;
    },

    _write: function (text, x, y, name, angle, colour) {
      var node = gp.svg('text', { x: x.toFixed(1), y: y.toFixed(1), 'class': name });
      if (angle) { node.setAttribute('transform', 'rotate(' + [angle, x, y].map(function (v) { return v.toFixed(1); }).join(' ') + ')'); }
      if (colour) { node.setAttribute('fill', colour); }
      node.textContent = text;
      this._svg.appendChild(node);
      this._left -= 1;
    },

    // How many open notes of reviewers a parcel has.
    _bubble: function (x, y, count) {
      this._svg.appendChild(gp.svg('path', {
        d: 'M' + (x - 7) + ' ' + (y - 6) + 'h14v10h-8l-4 4v-4h-2z', 'class': 'gp-bubble'
      }));
      this._write(String(count), x, y - 1, 'gp-bubble-count');
    },

    _parcels: function () {
      var map = this._map;
      this._zone.visible(function (i) {
        var place = this._zone.anchorOf(i);
        if (!place || this._left <= 0 || !gp.matched[i]) { return; }
        var at = map.latLngToLayerPoint(place);
        if (!this._box.contains(at)) { return; }
        var bounds = this._zone.boundsOf(i);
        var box = map.latLngToLayerPoint(bounds.getSouthEast()).subtract(map.latLngToLayerPoint(bounds.getNorthWest()));
        if (Math.min(box.x, box.y) < 10) { return; }
        var id = gp.text(data.parcels.id[i]);
        var name = gp.text(data.parcels.name[i]);
        var withId = box.y > 40 && width(id, 11) < box.x - 8;
        var withName = withId && name && name !== id && box.y > 62 && width(name, 11) < box.x - 8;
        var y = at.y - (withName ? 14 : withId ? 7 : 0);
        var small = Math.min(box.x, box.y) < 19;
        if (!this._take(at.x, at.y, withId ? width(id, 11) : 6, withName ? 42 : withId ? 28 : 7)) { return; }
        this._write(gp.MARKS[gp.shown(i, gp.view)] || '?', at.x, y, small ? 'gp-parcel-mark gp-small' : 'gp-parcel-mark');
        if (gp.openNotes(i)) { this._bubble(at.x + 12, y - 9, gp.openNotes(i)); }
        if (withId) { this._write(id, at.x, y + 15, 'gp-parcel-id'); }
        if (withName) { this._write(name, at.x, y + 29, 'gp-parcel-name'); }
      }.bind(this));
    },

    // Beside a fault its number in the list, and how long the gap or the missing main is.
    _faults: function (mpp) {
      var faults = data.faults;
      var told = {};
      this._zone.faultPlaces.forEach(function (place, row) {
        if (this._left <= 0 || !gp.faultShown(this._zone, row)) { return; }
        var group = gp.faultGroup(row);
        var near = mpp < GAPS_MPP;
        var length = group === 'missing' && (near || gp.rankOf[row]) ? faults.build_m[row]
          : near && (group === 'near_miss' || group === 'near_refused' || group === 'drawing') ? faults.gap_m[row] : null;
        var text = [gp.rankOf[row] || '', length === null ? '' : gp.metres(length)].filter(Boolean).join(' \u00b7 ');
        var at = this._map.latLngToLayerPoint(place).add(this._zone.faultBeside[row] || [0, 0]);
        if (!text || !this._box.contains(at)) { return; }
        // a near miss where a break is told already needs no length of its own
        var here = Math.round(at.x / TOLD) + ' ' + Math.round(at.y / TOLD);
        if (told[here] && !gp.rankOf[row]) { return; }
        told[here] = true;
        var side = width(text, 11) / 2 + 10;
        [[side, 0], [-side, 0], [0, -15], [0, 15]].some(function (by) {
          var x = this._map.layerPointToContainerPoint([at.x + by[0], 0]).x;
          if (x < side || x > this._map.getSize().x - side) { return false; }
          if (!this._take(at.x + by[0], at.y + by[1], width(text, 11) + 6, 11)) { return false; }
          this._write(text, at.x + by[0], at.y + by[1], 'gp-fault-label', 0, gp.signOf(group).colour);
          return true;
        }, this);
      }, this);
    },

    _lines: function (withLabels) {
      var zone = this._zone;
      zone.lines.forEach(function (entry) {
        if (!zone.serviceOn[entry.service] || this._left <= 0) { return; }
        if (gp.focus() !== 'ready' && gp.focus() !== entry.service) { return; }
        var service = data.services[entry.service];
        var label = withLabels ? gp.plain(gp.sized(gp.text(data.lines.label[entry.row]))) : '';
        var text = service.letter;
        // services that share a street write at different places along it
        var share = (entry.service + 1) / (data.services.length + 1);
        entry.pieces.forEach(function (piece) {
          this._along(piece, { text: text, label: label, colour: gp.colour(service, entry.state), share: share, service: entry.service });
        }, this);
      }, this);
    },

    _along: function (piece, mark) {
      var map = this._map;
      var points = piece.map(function (place) { return map.latLngToLayerPoint(place); });
      var length = 0;
      var i;
      for (i = 1; i < points.length; i += 1) { length += points[i].distanceTo(points[i - 1]); }
      // pieces too short for a size still get their letter: the next piece goes on in the same direction
      var text = mark.label ? mark.text + ' ' + mark.label : mark.text;
      if (length < width(text, 11) + 12) { text = mark.text; }
      var wide = width(text, 11);
      if (length < wide * 0.55) { return; }
      var room = Math.min(length, EVERY);
      var next = room < wide + 12 ? length / 2 : Math.min(room - wide / 2 - 6, Math.max(wide / 2 + 6, room * mark.share));
      var gone = 0;
      for (i = 1; i < points.length && this._left > 0; i += 1) {
        var a = points[i - 1];
        var b = points[i];
        var step = a.distanceTo(b);
        while (step > 0 && next <= gone + step) {
          var part = (next - gone) / step;
          var x = a.x + (b.x - a.x) * part;
          var y = a.y + (b.y - a.y) * part;
          var angle = Math.atan2(b.y - a.y, b.x - a.x) * 180 / Math.PI;
          if (angle > 90) { angle -= 180; }
          if (angle <= -90) { angle += 180; }
          var flat = Math.abs(angle) < 45;
          var apart = text === mark.text ? APART : APART * 2;
          var near = [mark.service, Math.round(x / apart), Math.round(y / apart)].join(' ');
          if (!this._near[near] && this._box.contains([x, y]) && this._take(x, y, flat ? wide : 10, flat ? 10 : wide)) {
            this._near[near] = true;
            this._write(text, x, y, 'gp-line-letter', angle, mark.colour);
          }
          next += EVERY;
        }
        gone += step;
      }
    }
  });
}(window.gisplan));
