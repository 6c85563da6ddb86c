// The parcels of a large zone, woven into one canvas: flat arrays instead of a shape for each, and a grid to find them.
(function (gp) {
  'use strict';

  var L = window.L;
  var data = gp.data;
  var PAD = 0.25;            // of the map's size that is drawn around it, so that a short pan shows no edge
  var OUTLINED = 4;          // pixels: a smaller parcel is a dot of its colour
  var AT_ONCE = 40;          // parcels in one path: a long path costs more than its parts
  var SIDE = 64;             // cells of the grid along each side
  var LETTERS = 10;          // pixels: smaller parcels get no letter

  // Vertices in pixels of zoom 0 (of metres in a local grid), ring after ring; the box of each parcel.
  function decode(map) {
    var rings = data.parcels.rings;
    var n = rings.n.length;
    var found = { xy: new Float64Array(rings.xy.length), start: new Int32Array(n + 1), first: new Int32Array(gp.count + 1), box: new Float64Array(gp.count * 4) };
    var crs = map.options.crs;
    var x = 0;
    var y = 0;
    var at = 0;
    var k;
    for (k = 0; k < gp.count; k += 1) { found.box.set([Infinity, Infinity, -Infinity, -Infinity], k * 4); }
    for (k = 0; k < n; k += 1) {
      var parcel = rings.of[k];
      var box = parcel * 4;
      found.start[k] = at;
      found.first[parcel + 1] = k + 1;
      for (var i = 0; i < rings.n[k]; i += 1, at += 1) {
        x += rings.xy[at * 2];
        y += rings.xy[at * 2 + 1];
        var point = crs.latLngToPoint({ lat: y * data.unit, lng: x * data.unit }, 0);
        found.xy[at * 2] = point.x;
        found.xy[at * 2 + 1] = point.y;
        found.box[box] = Math.min(found.box[box], point.x);
        found.box[box + 1] = Math.min(found.box[box + 1], point.y);
        found.box[box + 2] = Math.max(found.box[box + 2], point.x);
        found.box[box + 3] = Math.max(found.box[box + 3], point.y);
      }
    }
    found.start[n] = at;
    // rings come in the order of the parcels; one without any has none
    for (k = 1; k <= gp.count; k += 1) { found.first[k] = Math.max(found.first[k], found.first[k - 1]); }
    return found;
  }

  // Which parcels touch each cell of a grid over the zone.
  function index(box, whole) {
    var cells = [];
    for (var i = 0; i < SIDE * SIDE; i += 1) { cells.push([]); }
    var wide = (whole[2] - whole[0]) / SIDE || 1;
    var high = (whole[3] - whole[1]) / SIDE || 1;
    function clamp(value) { return Math.max(0, Math.min(SIDE - 1, Math.floor(value))); }
    function span(west, north, east, south, each) {
      for (var row = clamp((north - whole[1]) / high); row <= clamp((south - whole[1]) / high); row += 1) {
        for (var column = clamp((west - whole[0]) / wide); column <= clamp((east - whole[0]) / wide); column += 1) {
          each(cells[row * SIDE + column]);
        }
      }
    }
    for (var k = 0; k < gp.count; k += 1) {
      if (box[k * 4] > box[k * 4 + 2]) { continue; }
      span(box[k * 4], box[k * 4 + 1], box[k * 4 + 2], box[k * 4 + 3], function (cell) { cell.push(k); });
    }
    // every parcel of some box once, in their order
    return function (west, north, east, south) {
      var seen = new Uint8Array(gp.count);
      var found = [];
      span(west, north, east, south, function (cell) {
        cell.forEach(function (i) {
          if (seen[i]) { return; }
          seen[i] = 1;
          if (box[i * 4] <= east && box[i * 4 + 2] >= west && box[i * 4 + 1] <= south && box[i * 4 + 3] >= north) { found.push(i); }
        });
      });
      return found.sort(function (a, b) { return a - b; });
    };
  }

  var Fabric = L.Layer.extend({
    initialize: function (drawn) { this._drawn = drawn; },

    onAdd: function (map) {
      this._canvas = L.DomUtil.create('canvas', 'leaflet-zoom-hide');
      map.getPane('gp-parcels').appendChild(this._canvas);
      this.redraw();
    },

    onRemove: function () { this._canvas.parentNode.removeChild(this._canvas); },

    getEvents: function () { return { moveend: this._moved, resize: this.redraw }; },

    // What is drawn already is enough while the map has moved by less than the margin.
    _moved: function () {
      var map = this._map;
      var corner = map.containerPointToLayerPoint([0, 0]);
      var seen = L.bounds(corner, corner.add(map.getSize()));
      if (this._zoom !== map.getZoom() || !this._box || !this._box.contains(seen)) { this.redraw(); }
    },

    redraw: function () {
      var map = this._map;
      if (!map) { return; }
      var pad = map.getSize().multiplyBy(PAD).round();
      var corner = map.containerPointToLayerPoint([0, 0]).subtract(pad).round();
      var size = map.getSize().add(pad.multiplyBy(2));
      var ratio = window.devicePixelRatio > 1 ? 2 : 1;
      this._canvas.width = size.x * ratio;
      this._canvas.height = size.y * ratio;
      this._canvas.style.width = size.x + 'px';
      this._canvas.style.height = size.y + 'px';
      L.DomUtil.setPosition(this._canvas, corner);
      this._box = L.bounds(corner, corner.add(size));
      this._zoom = map.getZoom();
      var scale = map.getZoomScale(this._zoom, 0);
      var from = map.getPixelOrigin().add(corner);
      var ctx = this._canvas.getContext('2d');
      ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
      this._paint(ctx, { scale: scale, x: from.x, y: from.y, right: size.x, bottom: size.y });
    },

    _paint: function (ctx, view) {
      var drawn = this._drawn;
      var groups = {};
      var others = {};         // what the filter leaves out
      drawn.within(view.x / view.scale, view.y / view.scale, (view.x + view.right) / view.scale, (view.y + view.bottom) / view.scale)
        .forEach(function (i) {
          var code = gp.shown(i, gp.view);
          var by = gp.matched[i] ? groups : others;
          (by[code] = by[code] || []).push(i);
        });
      this._fill(ctx, view, others, false);
      this._fill(ctx, view, groups, true);
    },

    _fill: function (ctx, view, groups, matched) {
      var drawn = this._drawn;
      var box = drawn.box;
      Object.keys(groups).forEach(function (code) {
        var style = gp.parcelStyle(code, false, matched);
        ctx.fillStyle = style.fillColor;
        ctx.strokeStyle = style.color;
        ctx.lineWidth = style.weight;
        ctx.setLineDash(style.dashArray ? [2, 3] : []);
        var held = 0;
        function flush() {
          if (!held) { return; }
          ctx.globalAlpha = style.fillOpacity;
          ctx.fill('evenodd');
          ctx.globalAlpha = style.opacity;
          ctx.stroke();
          ctx.beginPath();
          held = 0;
        }
        ctx.beginPath();
        groups[code].forEach(function (i) {
          var wide = (box[i * 4 + 2] - box[i * 4]) * view.scale;
          var high = (box[i * 4 + 3] - box[i * 4 + 1]) * view.scale;
          if (wide < OUTLINED && high < OUTLINED) {
            ctx.globalAlpha = style.fillOpacity;
            ctx.fillRect(box[i * 4] * view.scale - view.x, box[i * 4 + 1] * view.scale - view.y, Math.max(1, wide), Math.max(1, high));
            return;
          }
          drawn.trace(ctx, i, view);
          held += 1;
          if (held === AT_ONCE) { flush(); }
        });
        flush();
      });
    }
  });

  // Draws the parcels into the map, and gives the zone what the page asks of them.
  gp.weave = function (zone, options) {
    var map = zone.map;
    var crs = map.options.crs;
    var drawn = decode(map);
    var box = drawn.box;
    var whole = [Infinity, Infinity, -Infinity, -Infinity];
    for (var k = 0; k < gp.count; k += 1) {
      whole[0] = Math.min(whole[0], box[k * 4]);
      whole[1] = Math.min(whole[1], box[k * 4 + 1]);
      whole[2] = Math.max(whole[2], box[k * 4 + 2]);
      whole[3] = Math.max(whole[3], box[k * 4 + 3]);
    }
    drawn.within = index(box, whole);
    drawn.trace = function (ctx, i, view) {
      for (var ring = drawn.first[i]; ring < drawn.first[i + 1]; ring += 1) {
        for (var at = drawn.start[ring]; at < drawn.start[ring + 1]; at += 1) {
          var x = drawn.xy[at * 2] * view.scale - view.x;
          var y = drawn.xy[at * 2 + 1] * view.scale - view.y;
          if (at === drawn.start[ring]) { ctx.moveTo(x, y); } else { ctx.lineTo(x, y); }
        }
        ctx.closePath();
      }
    };
    function place(x, y) { return crs.pointToLatLng(L.point(x, y), 0); }
    zone.boundsOf = function (i) {
      return L.latLngBounds(place(box[i * 4], box[i * 4 + 3]), place(box[i * 4 + 2], box[i * 4 + 1]));
    };
    zone.bounds = isFinite(whole[0]) ? L.latLngBounds(place(whole[0], whole[3]), place(whole[2], whole[1])) : L.latLngBounds([]);

    var fabric = new Fabric(drawn);
    var frame = null;        // the outline of the parcel that is chosen
    if (zone.bounds.isValid()) { map.fitBounds(zone.bounds, { padding: [18, 18], animate: false }); }
    zone.groups.parcels.addLayer(fabric);
    zone.anchorOf = function (i) { return box[i * 4] <= box[i * 4 + 2] ? zone.boundsOf(i).getCenter() : null; };
    zone.restyleAll = function () { fabric.redraw(); };
    zone.restyle = function () { }; // the frame tells which is chosen
    zone.raise = function (i) {
      var rings = [];
      for (var ring = drawn.first[i]; ring < drawn.first[i + 1]; ring += 1) {
        var places = [];
        for (var at = drawn.start[ring]; at < drawn.start[ring + 1]; at += 1) { places.push(place(drawn.xy[at * 2], drawn.xy[at * 2 + 1])); }
        rings.push(places);
      }
      if (frame) { frame.remove(); }
      frame = L.polygon(rings, options('trace', { renderer: zone.traceRenderer, interactive: false, color: '#11292b', weight: 3, fill: false })).addTo(map);
    };
    zone.visible = function (seen) {
      var view = map.getPixelBounds();
      var scale = map.getZoomScale(map.getZoom(), 0);
      var found = drawn.within(view.min.x / scale, view.min.y / scale, view.max.x / scale, view.max.y / scale);
      found.forEach(function (i) {
        if (Math.min(box[i * 4 + 2] - box[i * 4], box[i * 4 + 3] - box[i * 4 + 1]) * scale >= LETTERS) { seen(i); }
      });
    };
    map.on('click', function (event) {
      if (gp.ruling || !zone.otherOn.parcels) { return; }
      var at = crs.latLngToPoint(event.latlng, 0);
      var ctx = document.createElement('canvas').getContext('2d');
      drawn.within(at.x, at.y, at.x, at.y).some(function (i) {
        ctx.beginPath();
        // in pixels of the closest zoom: those of zoom 0 are too coarse for a path
        drawn.trace(ctx, i, { scale: 1048576, x: at.x * 1048576, y: at.y * 1048576 });
        if (!ctx.isPointInPath(0, 0, 'evenodd')) { return false; }
        gp.choose(i, { at: event.latlng, popup: true });
        return true;
      });
    });
  };
}(window.gisplan));
