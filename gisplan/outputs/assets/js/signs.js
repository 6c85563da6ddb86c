// Signs of joins, near misses, breaks and other faults: shapes that stay apart in grey, sharp in SVG and fast on a canvas.
(function (gp) {
  'use strict';

  var L = window.L;
  var ROUND = 20;            // corners of what is drawn as a circle

  function ring(radius) {
    var out = [];
    for (var i = 0; i < ROUND; i += 1) {
      out.push([radius * Math.cos(2 * Math.PI * i / ROUND), radius * Math.sin(2 * Math.PI * i / ROUND)]);
    }
    return out;
  }

  // Rings in units of the radius; what lies in an even number of them stays open.
  var SHAPES = {
    target: [ring(1), ring(0.62), ring(0.34)],
    cross: [[[0, 0.4], [0.6, 1], [1, 0.6], [0.4, 0], [1, -0.6], [0.6, -1], [0, -0.4], [-0.6, -1], [-1, -0.6], [-0.4, 0],
      [-1, 0.6], [-0.6, 1]]],
    diamond: [[[0, -1.15], [1.15, 0], [0, 1.15], [-1.15, 0]]],
    gem: [[[0, -1.15], [1.15, 0], [0, 1.15], [-1.15, 0]], [[0, -0.6], [0.6, 0], [0, 0.6], [-0.6, 0]]],
    bowtie: [[[-1.25, -0.85], [-1.25, 0.85], [1.25, -0.85], [1.25, 0.85]]],
    plus: [[[-0.38, -1.1], [0.38, -1.1], [0.38, -0.38], [1.1, -0.38], [1.1, 0.38], [0.38, 0.38], [0.38, 1.1],
      [-0.38, 1.1], [-0.38, 0.38], [-1.1, 0.38], [-1.1, -0.38], [-0.38, -0.38]]],
    arrow: [[[-1.3, -0.4], [0, -0.4], [0, -1.1], [1.3, 0], [0, 1.1], [0, 0.4], [-1.3, 0.4]]],
    square: [[[-0.95, -0.95], [0.95, -0.95], [0.95, 0.95], [-0.95, 0.95]], ring(0.4)],
    triangle: [[[0, -1.1], [1.1, 0.85], [-1.1, 0.85]]]
  };

  // Every group of signs: shape, colour, its line (if it has one) and the metres per pixel from which it shows.
  gp.SIGNS = {
    joins: { shape: 'circle', colour: '#7b1fa2', open: true, radius: 4.5, near: 3.5 },
    doubtful: { shape: 'target', colour: '#7b1fa2', radius: 6.5, near: 8 },
    undone: { shape: 'cross', colour: '#5d6d6f', radius: 5, near: 8 },
    near_miss: { shape: 'diamond', colour: '#1556c0', open: true, radius: 4.5, near: 8, dash: '3 3', weight: 2 },
    near_refused: { shape: 'gem', colour: '#1556c0', radius: 6, near: 8, dash: '3 3', weight: 2 },
    drawing: { shape: 'diamond', colour: '#1556c0', radius: 6.5, dash: '3 3', weight: 2.4 },
    valve: { shape: 'bowtie', colour: '#11292b', radius: 7 },
    missing: { shape: 'plus', colour: '#d4380d', radius: 7, dash: '20 8', weight: 3.6 },
    flow: { shape: 'arrow', colour: '#00695c', radius: 6.5, weight: 2.4, dash: '1 4' },
    status: { shape: 'square', colour: '#8a5a00', radius: 6, weight: 2.4, dash: '7 3' }
  };
  gp.BREAKS = ['drawing', 'valve', 'missing', 'flow', 'status'];
  var SEVERITIES = { error: '#8c1d18', warning: '#d9960f', info: '#ffffff' };

  gp.signOf = function (group, severity) {
    return gp.SIGNS[group] || {
      shape: 'triangle', colour: '#6b4a00', fill: SEVERITIES[severity] || SEVERITIES.info, radius: 4.5, near: 3.5,
      dash: '1.5 3', weight: 2
    };
  };

  // An open sign is white with a coloured edge, a full one coloured with a white edge.
  gp.signStyle = function (sign) {
    if (sign.fill) { return { color: sign.colour, weight: 1.2, fillColor: sign.fill, fillOpacity: 1 }; }
    return sign.open
      ? { color: sign.colour, weight: 1.6, fillColor: '#ffffff', fillOpacity: sign.shape === 'circle' ? 0.25 : 1 }
      : { color: '#ffffff', weight: 1.3, fillColor: sign.colour, fillOpacity: 1 };
  };

  function placed(shape, at, radius, each) {
    SHAPES[shape].forEach(function (corners) {
      each(corners.map(function (corner) { return [at.x + corner[0] * radius, at.y + corner[1] * radius]; }));
    });
  }

  gp.signPath = function (shape, at, radius) {
    var path = '';
    placed(shape, at, radius, function (corners) {
      path += 'M' + corners.map(function (corner) { return corner[0].toFixed(1) + ' ' + corner[1].toFixed(1); }).join('L') + 'Z';
    });
    return path;
  };

  L.SVG.include({
    _updateSign: function (layer) {
      this._setPath(layer, layer._empty() ? 'M0 0' : gp.signPath(layer.options.shape, layer._point, layer._radius));
    }
  });

  L.Canvas.include({
    _updateSign: function (layer) {
      if (!this._drawing || layer._empty()) { return; }
      var ctx = this._ctx;
      ctx.beginPath();
      placed(layer.options.shape, layer._point, layer._radius, function (corners) {
        corners.forEach(function (corner, i) {
          if (i) { ctx.lineTo(corner[0], corner[1]); } else { ctx.moveTo(corner[0], corner[1]); }
        });
        ctx.closePath();
      });
      this._fillStroke(ctx, layer);
    }
  });

  gp.Sign = L.CircleMarker.extend({
    _updatePath: function () { this._renderer._updateSign(this); },

    // A sign may stand beside its place, so that what is drawn there is not hidden.
    _project: function () {
      this._point = this._map.latLngToLayerPoint(this._latlng).add(this.options.beside || [0, 0]);
      this._updateBounds();
    }
  });

  gp.makeSign = function (at, sign, options) {
    var style = L.extend(options, gp.signStyle(sign), { radius: sign.radius, fill: true, shape: sign.shape });
    return sign.shape === 'circle' ? L.circleMarker(at, style) : new gp.Sign(at, style);
  };

  // The sign on its line, for legends and lists.
  gp.signSample = function (sign, narrow) {
    var wide = narrow ? 20 : 46;
    var svg = gp.svg('svg', { width: wide, height: 18, viewBox: '0 0 ' + wide + ' 18', 'aria-hidden': 'true' });
    if (sign.dash && !narrow) {
      svg.appendChild(gp.svg('line', {
        x1: 1, y1: 9, x2: 45, y2: 9, stroke: sign.colour, 'stroke-width': sign.weight, 'stroke-dasharray': sign.dash
      }));
    }
    var style = gp.signStyle(sign);
    var look = { fill: style.fillColor, 'fill-opacity': style.fillOpacity, stroke: style.color, 'stroke-width': style.weight };
    var at = { x: wide / 2, y: 9 };
    svg.appendChild(sign.shape === 'circle'
      ? gp.svg('circle', L.extend({ cx: at.x, cy: at.y, r: sign.radius }, look))
      : gp.svg('path', L.extend({ d: gp.signPath(sign.shape, at, sign.radius), 'fill-rule': 'evenodd' }, look)));
    return svg;
  };
}(window.gisplan));
