// Colours, marks and line patterns. Fills are told apart by lightness too, and every one has a letter or mark.
(function (gp) {
  'use strict';

  gp.FILLS = {
    yes: '#54a293', by: '#8fc8b6', no: '#edae88', unknown: '#d5d9de',
    A: '#54a293', b: '#8fc8b6', B: '#b4dccc', C: '#f5e8b0', D: '#edae88', U: '#d5d9de', N: '#ffffff', '-': '#ffffff'
  };
  gp.MARKS = {
    yes: '\u2713', by: '(\u2713)', no: '\u2715', unknown: '?',
    A: 'A', b: '(A)', B: 'B', C: 'C', D: 'D', U: 'U', N: 'N', '-': ''
  };
  // operating solid, being built dash-dot, planned dashed, anything else grey and dotted
  var DASHES = { operating: null, built: [9, 3, 1.5, 3], construction: [9, 3, 1.5, 3], planned: [6, 4] };
  // what lies beneath is there to be seen
  var FULL = gp.data.base ? 0.6 : 0.92;
  var GREY = '#8b9296';

  gp.known = function (state) {
    return Object.prototype.hasOwnProperty.call(DASHES, state);
  };

  gp.dash = function (state, weight) {
    var dash = gp.known(state) ? DASHES[state] : [0.2, 2.4];
    if (!dash) { return null; }
    return dash.map(function (part) { return (part * Math.max(1, weight * 0.6)).toFixed(1); }).join(' ');
  };

  gp.colour = function (service, state) {
    return gp.known(state) && service ? service.colour : GREY;
  };

  // Metres on the ground that one pixel covers.
  gp.metresPerPixel = function (map) {
    var size = map.getSize();
    var a = map.containerPointToLatLng([0, size.y / 2]);
    var b = map.containerPointToLatLng([100, size.y / 2]);
    return map.distance(a, b) / 100;
  };

  gp.weight = function (mpp) {
    if (mpp > 12) { return 0.9; }
    if (mpp > 6) { return 1.2; }
    if (mpp > 3) { return 1.7; }
    return mpp > 1.2 ? 2.3 : 3;
  };

  // `matched` is false for what the filter leaves out: it steps back, and stays to be seen.
  gp.parcelStyle = function (code, chosen, matched) {
    return {
      opacity: matched || chosen ? 1 : 0.45,
      color: chosen ? '#11292b' : '#5b6b6d',
      weight: chosen ? 3 : 0.8,
      dashArray: code === 'N' || code === '-' ? '2 3' : null,
      fill: true,
      fillColor: gp.FILLS[code] || gp.FILLS.unknown,
      fillOpacity: matched ? FULL : 0.12
    };
  };

  // A chip: the letter on its colour, with the word for those who cannot see either.
  gp.chip = function (code, word) {
    var chip = gp.node('span', 'gp-chip', gp.MARKS[code] || '?');
    chip.style.backgroundColor = gp.FILLS[code] || gp.FILLS.unknown;
    if (code === 'N' || code === '-') { chip.className += ' gp-chip-open'; }
    if (code === 'by' || code === 'b') { chip.className += ' gp-chip-wide'; }
    if (word) {
      chip.setAttribute('role', 'img');
      gp.attribute(chip, 'aria-label', word);
    } else {
      chip.setAttribute('aria-hidden', 'true');
    }
    return chip;
  };

  gp.gradeWord = function (grade) { return gp.word(grade === '-' ? 'grade.none' : 'grade.' + grade); };
  gp.readyWord = function (ready) { return gp.word('ready.' + (gp.FILLS[ready] ? ready : 'unknown')); };
  gp.shownWord = function (code, view) { return view === 'ready' ? gp.readyWord(code) : gp.gradeWord(code); };

  // A short piece of line for legends.
  gp.sample = function (colour, state, letter) {
    var svg = gp.svg('svg', { width: 46, height: 14, viewBox: '0 0 46 14', 'aria-hidden': 'true' });
    var line = gp.svg('line', { x1: 1, y1: 7, x2: 45, y2: 7, stroke: colour, 'stroke-width': 2.4 });
    var dash = gp.dash(state, 2.4);
    if (dash) { line.setAttribute('stroke-dasharray', dash); }
    if (dash && !gp.known(state)) { line.setAttribute('stroke-linecap', 'round'); }
    svg.appendChild(line);
    if (letter) {
      var text = gp.svg('text', { x: 23, y: 11, 'class': 'gp-line-letter', fill: colour });
      text.textContent = letter;
      svg.appendChild(text);
    }
    return svg;
  };
}(window.gisplan));
