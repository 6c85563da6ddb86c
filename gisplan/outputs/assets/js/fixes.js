// What a fault or a guessed join is, in a popup; and the list of what to mend first, by the land at stake.
(function (gp) {
  'use strict';

  var data = gp.data;
  var NUMBERED = 99;         // so many bear their number on the map, where there is room
  var FIRST = 15;            // in the list at first; each press of the button brings as many again and more
  var faults = data.faults;
  var joins = data.joins;

  gp.metres = function (value) {
    var digits = value < 1 ? 2 : value < 10 ? 1 : 0;
    return gp.number(Number(value.toFixed(digits)), digits).replace(/(\.\d*?)0+$/, '$1').replace(/\.$/, '') + ' m';
  };

  function known(prefix, code) { return data.words[prefix + code] ? gp.word(prefix + code) : code; }

  function ends(rows, i) {
    return [gp.text(rows.feature[i]), gp.text(rows.other[i])].filter(Boolean).join(' \u2013 ');
  }

  function land(parcels, mu) {
    return gp.word(parcels === 1 ? 'land.one' : 'land.value', { n: gp.number(parcels || 0), mu: gp.number(mu || 0, mu < 10 ? 1 : 0) });
  }

  // --- the land at stake: cut off by a break, or supplied today through what is doubtful
  function stake(row) {
    if (faults.stranded_mu[row] > 0) {
      return { word: 'land.stranded', parcels: faults.stranded_parcels[row], mu: faults.stranded_mu[row] };
    }
    if (faults.hanging_mu[row] > 0) {
      return { word: 'land.hanging', parcels: faults.hanging_parcels[row], mu: faults.hanging_mu[row] };
    }
    return null;
  }

  // Rows in the order of the table, which has the most land at stake first; their place in it is their number on the map.
  gp.ranked = faults.code.map(function (code, row) { return row; }).filter(function (row) {
    return faults.stranded_mu[row] > 0 || (stake(row) && gp.text(faults.severity[row]) !== 'info');
  });
  gp.rankOf = {};
  gp.ranked.slice(0, NUMBERED).forEach(function (row, i) { gp.rankOf[row] = i + 1; });
  var guesses = joins.feature.map(function (feature, row) { return row; })
    .filter(function (row) { return joins.hanging_mu[row] > 0 && gp.joinGroup(row) !== 'undone'; })
    .sort(function (a, b) { return joins.hanging_mu[b] - joins.hanging_mu[a] || a - b; });

  // --- popups
  function heading(group, sign, service) {
    return gp.node('p', 'gp-card-title', gp.node('span', 'gp-fault-title', gp.signSample(sign, true),
      gp.node('strong', '', gp.groupWord(group)), service ? gp.serviceTag(service) : null));
  }

  function facts(rows) {
    var list = gp.node('dl', 'gp-dl');
    rows.forEach(function (row) {
      if (row[1] === '' || row[1] === null) { return; }
      list.appendChild(gp.node('div', row[2] || '', gp.node('dt', '', gp.word(row[0])), gp.node('dd', '', row[1])));
    });
    return list;
  }

  // Two lengths side by side: what the drawing lacks, and what the street would lack.
  function lengths(row) {
    var repair = faults.repair_m[row];
    var build = faults.build_m[row];
    if (repair === null && build === null) { return null; }
    var box = gp.node('div', 'gp-lengths');
    [['fix.repair', repair], ['fix.build', build]].forEach(function (way) {
      box.appendChild(gp.node('div', '', gp.node('span', 'gp-soft', gp.word(way[0])),
        gp.node('strong', '', way[1] === null ? '\u2013' : gp.metres(way[1]))));
    });
    return box;
  }

  function copied(id) {
    var field = gp.node('input');
    field.type = 'text';
    field.readOnly = true;
    field.value = id;
    gp.attribute(field, 'aria-label', gp.word('joins.id'));
    var button = gp.node('button', 'gp-button', gp.word('fix.copy'));
    button.type = 'button';
    button.addEventListener('click', function (event) {
      // the word that was clicked goes away: the map would no longer see that it stood in a popup
      event.stopPropagation();
      field.focus();
      field.select();
      gp.append(gp.clear(button), gp.word(document.execCommand('copy') ? 'fix.copied' : 'fix.selected'));
    });
    return gp.node('div', 'gp-copy', field, button);
  }

  gp.faultCard = function (row) {
    var group = gp.faultGroup(row);
    var at = stake(row);
    var alone = faults.alone_mu[row];
    return gp.node('div', 'gp-card gp-fault-card',
      heading(group, gp.signOf(group, gp.text(faults.severity[row])), data.services[faults.service[row]]),
      gp.node('p', 'gp-reason', [gp.text(faults.message_zh[row]), gp.text(faults.message_en[row])]),
      gp.node('p', 'gp-reason gp-soft', [gp.text(faults.hint_zh[row]), gp.text(faults.hint_en[row])]),
      lengths(row),
      facts([
        [at ? at.word : 'land.stranded', at ? land(at.parcels, at.mu) : ''],
        ['land.alone', alone === null || !at || alone.toFixed(0) === at.mu.toFixed(0) ? '' : gp.mu(alone, alone < 10 ? 1 : 0)],
        ['joins.ends', ends(faults, row)],
        ['fix.id', gp.node('span', 'gp-id', gp.text(faults.id[row]))]
      ]));
  };

  gp.joinCard = function (row) {
    var group = gp.joinGroup(row);
    var id = gp.text(joins.id[row]);
    var doubt = gp.text(joins.doubt[row]);
    var gap = joins.gap_m[row];
    var card = gp.node('div', 'gp-card gp-fault-card',
      heading(group, gp.signOf(group), data.services[joins.service[row]]),
      gp.node('p', 'gp-reason', gp.word(group === 'undone' ? 'joins.undone' : 'joins.guess', { gap: gap === null ? '?' : gp.metres(gap) })),
      facts([
        ['joins.ends', ends(joins, row)],
        ['joins.kind', known('join.', gp.text(joins.kind[row]))],
        ['joins.gap', gap === null ? '' : gp.number(gap, 3) + ' m'],
        ['land.joined', joins.hanging_mu[row] > 0 ? land(joins.hanging_parcels[row], joins.hanging_mu[row]) : ''],
        ['joins.doubt', doubt ? known('doubt.', doubt) : '', 'gp-wide']
      ]));
    if (id) {
      gp.append(card, gp.node('p', 'gp-reason gp-soft', gp.word(group === 'undone' ? 'joins.redo' : 'joins.undo')));
      gp.append(card, copied(id));
    }
    return card;
  };

  // --- the list
  function item(number, group, row, rows, at, more, go) {
    var service = data.services[rows.service[row]];
    var sign = gp.signOf(group, rows.severity ? gp.text(rows.severity[row]) : '');
    var button = gp.node('button', 'gp-fix',
      gp.node('span', 'gp-fix-rank', number === null ? '' : String(number)),
      gp.signSample(sign, true),
      gp.node('span', 'gp-fix-text',
        gp.node('span', 'gp-fix-head', service ? gp.serviceTag(service) : null,
          gp.node('span', '', gp.groupWord(group)), gp.node('span', 'gp-id', ends(rows, row))),
        gp.node('span', 'gp-fix-facts', gp.node('span', '', gp.word(at.word), ' '),
          gp.node('strong', '', land(at.parcels, at.mu)), more)));
    button.type = 'button';
    button.addEventListener('click', function () { go(row); });
    return gp.node('li', '', button);
  }

  function short(row) {
    var out = gp.node('span', 'gp-fix-lengths');
    [['fix.repair', faults.repair_m[row]], ['fix.build', faults.build_m[row]]].forEach(function (way) {
      if (way[1] > 0) { out.appendChild(gp.node('span', '', gp.word(way[0]), ' ' + gp.metres(way[1]))); }
    });
    return out;
  }

  function listing(rows, make) {
    var box = gp.node('div');
    var list = gp.node('ol', 'gp-fixes');
    var more = gp.node('button', 'gp-link');
    var shown = 0;
    more.type = 'button';
    function go() {
      rows.slice(shown, shown + FIRST + shown).forEach(function (row, i) { list.appendChild(make(row, shown + i + 1)); });
      shown = list.children.length;
      more.hidden = shown >= rows.length;
      gp.append(gp.clear(more), gp.word('fix.more', { n: gp.number(rows.length - shown) }));
    }
    more.addEventListener('click', go);
    go();
    return gp.append(gp.append(box, list), more);
  }

  gp.fillFixes = function () {
    var panel = document.getElementById('gp-fixes');
    gp.append(panel, gp.node('h2', '', gp.word('fix.title')));
    if (gp.ranked.length) {
      gp.append(panel, gp.node('p', 'gp-line gp-soft', gp.word('fix.explained')));
      gp.append(panel, listing(gp.ranked, function (row, number) {
        return item(number, gp.faultGroup(row), row, faults, stake(row), short(row), function (at) { gp.showFault(at); });
      }));
    } else if (!data.left_out || !data.left_out.faults) {
      gp.append(panel, gp.node('p', 'gp-hint', gp.word('fix.none')));
    }
    if (data.left_out && data.left_out.faults) {
      gp.append(panel, gp.node('p', 'gp-line', gp.word('fix.left_out', { n: gp.number(data.left_out.faults) })));
    }
    var rest = faults.code.length - gp.ranked.length;
    if (rest) { gp.append(panel, gp.node('p', 'gp-line gp-soft', gp.word('fix.rest', { n: gp.number(rest) }))); }
    if (!guesses.length) { return; }
    gp.append(panel, gp.node('h2', '', gp.word('fix.guesses')));
    gp.append(panel, gp.node('p', 'gp-line gp-soft', gp.word('fix.guesses_explained')));
    gp.append(panel, listing(guesses, function (row) {
      var gap = joins.gap_m[row];
      var at = { word: 'land.joined', parcels: joins.hanging_parcels[row], mu: joins.hanging_mu[row] };
      return item(null, gp.joinGroup(row), row, joins, at, gp.node('span', '', gp.word('joins.gap'), gap === null ? ' ?' : ' ' + gp.metres(gap)), function (to) {
        gp.showJoin(to);
      });
    }));
  };
}(window.gisplan));
