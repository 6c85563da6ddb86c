// The overview: how many parcels and mu, and the matrix of services by grades.
(function (gp) {
  'use strict';

  var data = gp.data;

  function readyCards() {
    var sums = gp.totals(gp.READY, 'ready', gp.today);
    var bar = gp.node('div', 'gp-bar');
    bar.setAttribute('aria-hidden', 'true');
    var cards = gp.node('ul', 'gp-cards');
    gp.READY.forEach(function (code) {
      var part = gp.node('span');
      part.style.backgroundColor = gp.FILLS[code];
      part.style.flexGrow = sums[code].n;
      bar.appendChild(part);
      var card = gp.node('li', '',
        gp.node('span', 'gp-card-word', gp.chip(code), gp.node('span', '', gp.readyWord(code))),
        gp.node('strong', '', gp.number(sums[code].n)),
        gp.node('span', 'gp-soft', gp.mu(sums[code].mu)));
      card.style.borderTopColor = gp.FILLS[code];
      cards.appendChild(card);
    });
    return gp.node('div', '', cards, bar);
  }

  function matrix(unit) {
    var table = gp.node('table', 'gp-matrix');
    var head = gp.node('tr', '', gp.node('th', '', gp.word('matrix.service')));
    head.firstChild.scope = 'col';
    gp.GRADES.forEach(function (grade) {
      var cell = gp.node('th', '', gp.chip(grade, gp.gradeWord(grade)));
      cell.scope = 'col';
      gp.attribute(cell, 'title', gp.gradeWord(grade));
      head.appendChild(cell);
    });
    table.appendChild(gp.node('thead', '', head));
    var body = gp.node('tbody');
    var whole = data.parcels.mu.reduce(function (sum, mu) { return sum + (mu || 0); }, 0);
    data.services.forEach(function (service, i) {
      var sums = gp.totals(gp.GRADES, i, gp.today);
      var button = gp.node('button', 'gp-matrix-name', gp.serviceTag(service), gp.node('span', '', [service.zh, service.en]));
      button.type = 'button';
      gp.attribute(button, 'title', gp.word('matrix.colour'));
      button.addEventListener('click', function () { gp.setView(gp.view === i ? 'ready' : i); });
      button.setAttribute('data-view', String(i));
      var row = gp.node('tr', '', gp.node('th', '', button));
      row.firstChild.scope = 'row';
      gp.GRADES.forEach(function (grade) {
        var value = unit === 'mu' ? sums[grade].mu : sums[grade].n;
        var share = value / ((unit === 'mu' ? whole : gp.count) || 1);
        // five digits and more leave no room for a comma
        var cell = gp.node('td', !value ? 'gp-zero' : value > 9999 ? 'gp-tight' : '', value ? (value > 9999 ? value.toFixed(0) : gp.number(value)) : '\u00b7');
        if (value) {
          var fill = gp.node('i');
          fill.style.backgroundColor = gp.FILLS[grade];
          fill.style.opacity = (0.25 + 0.75 * share).toFixed(2);
          cell.insertBefore(fill, cell.firstChild);
        }
        row.appendChild(cell);
      });
      body.appendChild(row);
    });
    table.appendChild(body);
    return table;
  }

  function matrixBox() {
    var box = gp.node('div');
    var units = gp.node('div', 'gp-units');
    units.setAttribute('role', 'group');
    gp.attribute(units, 'aria-label', gp.word('matrix.unit'));
    function show(unit) {
      var old = box.querySelector('table');
      if (old) { box.removeChild(old); }
      box.appendChild(matrix(unit));
      units.childNodes.forEach(function (button) { button.setAttribute('aria-pressed', String(button.value === unit)); });
      gp.settleMatrix();
    }
    ['parcels', 'mu'].forEach(function (unit) {
      var button = gp.node('button', '', gp.word('unit.' + unit));
      button.type = 'button';
      button.value = unit;
      button.addEventListener('click', function () { show(unit); });
      units.appendChild(button);
    });
    box.appendChild(gp.node('div', 'gp-row', gp.node('h2', '', gp.word('matrix.title')), units));
    show('parcels');
    return box;
  }

  gp.settleMatrix = function () {
    document.querySelectorAll('.gp-matrix-name').forEach(function (button) {
      button.setAttribute('aria-pressed', String(button.getAttribute('data-view') === String(gp.view)));
    });
  };

  function byDelivery() {
    var sums = { yes: 0, no: 0, unknown: 0 };
    data.parcels.ready_by_delivery.forEach(function (number) {
      var code = gp.text(number);
      sums[sums[code] === undefined ? 'unknown' : code] += 1;
    });
    return gp.node('p', 'gp-line', gp.word('overview.delivery', sums));
  }

  gp.fillOverview = function () {
    var panel = document.getElementById('gp-overview');
    var mu = data.parcels.mu.reduce(function (sum, value) { return sum + (value || 0); }, 0);
    gp.append(panel, gp.node('p', 'gp-total', gp.word('overview.total', { n: gp.number(gp.count), mu: gp.number(mu) })));
    gp.append(panel, readyCards());
    gp.append(panel, byDelivery());
    gp.append(panel, matrixBox());
    var issues = gp.node('h2', '', gp.word('issues.title'));
    issues.id = 'gp-issues';
    gp.append(panel, issues);
    gp.append(panel, gp.node('p', 'gp-line', gp.word('issues.counts', data.issues)));
    var land = gp.conclusions();
    if (land) {
      gp.append(panel, gp.node('h2', '', gp.word('land.title')));
      gp.append(panel, land);
    }
    gp.append(panel, gp.partsBox());
    gp.append(panel, gp.ledgerBox());
    gp.append(panel, gp.limitsBox());
    if (data.about.notes.length) {
      gp.append(panel, gp.node('h2', '', gp.word('notes.title')));
      var notes = gp.node('ul', 'gp-notes');
      data.about.notes.forEach(function (note) { notes.appendChild(gp.node('li', '', note)); });
      gp.append(panel, notes);
    }
  };
}(window.gisplan));
