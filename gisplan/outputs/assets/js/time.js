// The day that the map shows: what is being built counts from the day on which its works are finished. A forecast from
// dates that the check has found already, and no check of its own: what else may change by then is not asked.
(function (gp) {
  'use strict';

  var data = gp.data;
  var today = data.about.dates.check;
  var WIDE = 600;
  var HIGH = 40;
  var NEVER = Infinity;

  gp.days = [today];
  gp.day = 0;

  var arrives = new Float64Array(data.services.length * gp.count).fill(NEVER); // of each answer the number of the day from which it is connected; NEVER for all but B
  var last = [];           // of each parcel the last such day among what it must have
  var stuck = [];          // whether something that it must have has no such day
  var unsure = [];         // whether of something that it must have nobody knows, or it has to have nothing

  function findDays() {
    var seen = {};
    var cells = data.cells;
    gp.eachDay(function (at, day) { if (cells.grade[at] === 'B' && day > today) { seen[day] = true; } });
    gp.days = [today].concat(Object.keys(seen).sort());
    var numbers = {};
    gp.days.forEach(function (day, i) { numbers[day] = i; });
    gp.eachDay(function (at, day) { if (cells.grade[at] === 'B') { arrives[at] = day <= today ? 1 : numbers[day]; } });
  }

  function addUp() {
    for (var i = 0; i < gp.count; i += 1) {
      var some = false;
      last[i] = 0;
      stuck[i] = false;
      unsure[i] = false;
      for (var k = 0; k < data.services.length; k += 1) {
        var at = k * gp.count + i;
        var grade = data.cells.grade[at];
        if (data.cells.need[at] !== 'r' || grade === 'N') { continue; }
        some = true;
        if (grade === 'U' || grade === '-') { unsure[i] = true; }
        if (grade === 'C' || grade === 'D') { stuck[i] = true; }
        if (grade === 'B') { last[i] = Math.max(last[i], arrives[at]); }
      }
      unsure[i] = unsure[i] || !some;
    }
  }

  // What a parcel shows on the day that is set, when the map is coloured by `view`: yes, by (forecast), no, unknown; or a
  // grade, b for a B whose works are finished by then.
  gp.shown = function (i, view) {
    if (view !== 'ready') {
      return gp.day && arrives[view * gp.count + i] <= gp.day ? 'b' : gp.today(i, view);
    }
    if (!gp.day) { return gp.today(i, view); }
    if (stuck[i] || last[i] > gp.day) { return 'no'; }
    if (unsure[i]) { return 'unknown'; }
    return last[i] ? 'by' : 'yes';
  };

  // Parcels and mu that are ready by each day: today's, and those whose works are finished by then.
  gp.forecast = function () {
    var sums = gp.days.map(function () { return { n: 0, mu: 0 }; });
    for (var i = 0; i < gp.count; i += 1) {
      if (stuck[i] || unsure[i] || last[i] === NEVER) { continue; }
      for (var day = last[i]; day < sums.length; day += 1) {
        sums[day].n += 1;
        sums[day].mu += data.parcels.mu[i] || 0;
      }
    }
    return sums;
  };

  function place(day) {
    var from = Date.parse(gp.days[0]);
    var span = Date.parse(gp.days[gp.days.length - 1]) - from || 1;
    return (Date.parse(gp.days[day]) - from) / span * WIDE;
  }

  function chart(sums) {
    var svg = gp.svg('svg', { viewBox: '0 0 ' + WIDE + ' ' + HIGH, preserveAspectRatio: 'none', 'aria-hidden': 'true', 'class': 'gp-time-chart' });
    var most = sums[sums.length - 1].mu || 1;
    var path = 'M0 ' + HIGH;
    sums.forEach(function (sum, day) {
      path += 'H' + place(day).toFixed(1) + 'V' + (HIGH - 2 - sum.mu / most * (HIGH - 6)).toFixed(1);
    });
    svg.appendChild(gp.svg('path', { d: path + 'H' + WIDE + 'V' + HIGH + 'Z', fill: gp.FILLS.by, stroke: '#3b7d70', 'vector-effect': 'non-scaling-stroke' }));
    var now = gp.svg('line', { y1: 0, y2: HIGH, stroke: '#11292b', 'stroke-width': 2, 'vector-effect': 'non-scaling-stroke' });
    svg.appendChild(now);
    return { svg: svg, now: now };
  }

  gp.startTime = function (changed) {
    var box = document.getElementById('gp-time');
    var range = document.getElementById('gp-day');
    var said = document.getElementById('gp-day-said');
    if (gp.days.length < 2) {
      gp.append(said, gp.word('time.none'));
      range.disabled = true;
      return;
    }
    var sums = gp.forecast();
    var drawn = chart(sums);
    range.parentNode.insertBefore(drawn.svg, range);
    range.max = String(gp.days.length - 1);
    range.value = '0';

    function tell() {
      var values = { day: gp.days[gp.day], n: gp.number(sums[gp.day].n), mu: gp.number(sums[gp.day].mu) };
      gp.append(gp.clear(said), gp.word(gp.day ? 'time.by' : 'time.today', values));
      gp.attribute(range, 'aria-valuetext', gp.word(gp.day ? 'time.by' : 'time.today', values));
      drawn.now.setAttribute('x1', place(gp.day));
      drawn.now.setAttribute('x2', place(gp.day));
      box.classList.toggle('gp-forecast', gp.day > 0);
    }

    gp.setDay = function (day) {
      gp.day = Math.max(0, Math.min(gp.days.length - 1, day));
      range.value = String(gp.day);
      tell();
      changed();
    };
    range.addEventListener('input', function () { gp.setDay(Number(range.value)); });
    [['gp-day-before', -1], ['gp-day-after', 1]].forEach(function (way) {
      document.getElementById(way[0]).addEventListener('click', function () { gp.setDay(gp.day + way[1]); });
    });
    tell();
  };

  findDays();
  addUp();
}(window.gisplan));
