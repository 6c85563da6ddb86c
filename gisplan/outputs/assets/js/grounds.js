// What the answers rest on and come to: the land's stage and conclusion, the ledger of capacity, every limit.
(function (gp) {
  'use strict';

  var data = gp.data;

  function known(prefix, code) {
    return data.words[prefix + code] ? gp.word(prefix + code) : code;
  }

  function amount(value) { return value === null ? '?' : gp.number(value, Math.abs(value) < 10 && value % 1 ? 2 : 0); }

  // A box that opens: long tables stay out of the way until somebody asks.
  function opens(title, count, body) {
    return gp.node('details', 'gp-grounds', gp.node('summary', '', gp.word(title), ' (' + gp.number(count) + ')'), body);
  }

  function table(heads, rows) {
    var head = gp.node('tr');
    heads.forEach(function (key) { head.appendChild(gp.node('th', '', gp.word(key))); });
    var body = gp.node('tbody');
    rows.forEach(function (cells) {
      var row = gp.node('tr');
      cells.forEach(function (cell) {
        var number = typeof cell === 'string' && /^[-\d]/.test(cell);
        row.appendChild(gp.node('td', number ? 'gp-figure' : '', cell));
      });
      body.appendChild(row);
    });
    return gp.node('div', 'gp-grounds-scroll', gp.node('table', 'gp-grounds-table', gp.node('thead', '', head), body));
  }

  function stage(i) {
    var code = gp.text(data.land.stage[i]);
    return gp.node('span', '', code + ' ', known('land.stage.', code));
  }

  function conclusion(i) { return known('land.conclusion.', gp.text(data.land.conclusion[i])); }

  // What is left once all have taken theirs; where more was asked for than there is, the figure says nothing more.
  gp.reserve = function (entry) {
    if (entry.reserve === null) { return ''; }
    return entry.reserve < 0 ? gp.word('answer.none_left') : entry.reserve + ' %';
  };

  // In the popup: one line.
  gp.landLine = function (i) {
    if (!data.land || !gp.text(data.land.stage[i])) { return null; }
    return gp.node('p', 'gp-land-line', gp.node('strong', '', gp.text(data.land.stage[i])), ' \u00b7 ', gp.word('land.conclusion'), ' ',
      conclusion(i),
      data.land.net_mu[i] === null ? null : gp.node('span', '', ' \u00b7 ', gp.word('land.net'), ' ', gp.mu(data.land.net_mu[i], 1)));
  };

  // In the panel: stage, conclusion, net area, the contract's sentence, and what is left to do.
  gp.landBox = function (i) {
    if (!data.land || !gp.text(data.land.stage[i])) { return null; }
    var land = data.land;
    var list = gp.node('dl', 'gp-dl');
    [
      ['land.conclusion', conclusion(i)],
      ['land.stage', stage(i)],
      ['land.net', land.net_mu[i] === null ? '' : gp.mu(land.net_mu[i], 1)],
      ['land.sentence', land.sentence_zh ? [gp.text(land.sentence_zh[i]), gp.text(land.sentence_en[i])] : '']
    ].forEach(function (row) {
      if (row[1] === '' || row[1][0] === '') { return; }
      list.appendChild(gp.node('div', '', gp.node('dt', '', gp.word(row[0])), gp.node('dd', '', row[1])));
    });
    return gp.node('div', 'gp-land', list, tasks(i));
  };

  function tasks(i) {
    var land = data.land;
    if (!land.tasks[i]) { return null; }
    if (!land.tasks_zh) { return gp.node('p', 'gp-line', gp.word('land.tasks_count', { n: land.tasks[i] })); }
    var en = gp.text(land.tasks_en[i]).split('\n');
    var list = gp.node('ul', 'gp-notes');
    gp.text(land.tasks_zh[i]).split('\n').forEach(function (text, k) {
      list.appendChild(gp.node('li', '', [text, en[k] || text]));
    });
    return opens('land.tasks', land.tasks[i], list);
  }

  // In the overview: how many parcels, and how much land, may be offered.
  gp.conclusions = function () {
    if (!data.land) { return null; }
    var sums = {};
    data.land.conclusion.forEach(function (number, i) {
      var code = gp.text(number);
      if (!code) { return; }
      sums[code] = sums[code] || { n: 0, mu: 0 };
      sums[code].n += 1;
      sums[code].mu += data.parcels.mu[i] || 0;
    });
    var rows = ['offer', 'after_tasks', 'unfit', 'unknown'].filter(function (code) { return sums[code]; });
    if (!rows.length) { return null; }
    return table(['land.conclusion', 'unit.parcels', 'unit.mu'],
      rows.map(function (code) {
        return [known('land.conclusion.', code), gp.number(sums[code].n), gp.number(sums[code].mu)];
      }));
  };

  gp.ledgerBox = function () {
    var ledger = data.ledger;
    if (!ledger || !ledger.service.length) { return null; }
    return opens('ledger.title', ledger.service.length, table(
      ['ledger.source', 'ledger.capacity', 'ledger.used', 'ledger.promised', 'ledger.left', 'ledger.last', 'ledger.refused'],
      ledger.service.map(function (number, i) {
        var service = data.services[number];
        return [
          gp.node('span', '', service ? gp.serviceTag(service) : null, ' ' + gp.text(ledger.feature[i])),
          amount(ledger.capacity[i]) + ' ' + gp.text(ledger.unit[i]),
          amount(ledger.used[i]), amount(ledger.promised[i]), amount(ledger.left[i]),
          gp.text(ledger.last_holder[i]), amount(ledger.refused[i])
        ];
      })));
  };

  // A text with codes of classes in it, these put into words.
  gp.sized = function (text) {
    return ['zh', 'en'].map(function (lang, at) {
      return text.replace(/[a-z][a-z_]+/g, function (code) {
        return data.words['class.' + code] ? data.words['class.' + code][at] : code;
      });
    });
  };

  gp.limitsBox = function () {
    var limits = data.limits;
    if (!limits.service.length) { return null; }
    return opens('limits.title', limits.service.length, table(
      ['limits.what', 'limits.limit', 'limits.source', 'limits.sure', 'limits.uses'],
      limits.service.map(function (number, i) {
        var service = data.services[number];
        var own = limits.own.indexOf(i) >= 0;
        var source = (gp.text(limits.code[i]) + ' ' + gp.text(limits.clause[i])).trim();
        var former = gp.text(limits.former[i]);
        return [
          gp.node('span', '', service ? gp.serviceTag(service) : null, ' ', [gp.text(limits.label_zh[i]), gp.text(limits.label_en[i])]),
          gp.node('span', '', gp.sized(gp.text(limits.limit[i])), own ? gp.node('em', '', ' ', gp.word('limits.own', { former: former || '\u2013' })) : null),
          gp.node('span', '', source || known('basis.', gp.text(limits.basis[i]))),
          known('sure.', gp.text(limits.sure[i])),
          limits.uses[i] === null ? '' : gp.number(limits.uses[i])
        ];
      })));
  };
}(window.gisplan));
