// One parcel's ten answers, in the panel and in short in a popup; what a line, point, gap or barrier is.
(function (gp) {
  'use strict';

  var data = gp.data;

  function known(prefix, code) {
    return data.words[prefix + code] ? gp.word(prefix + code) : code;
  }

  function facts(rows) {
    var list = gp.node('dl', 'gp-dl');
    rows.forEach(function (row) {
      if (row[1] === '' || row[1] === null || row[1] === undefined || row[1][0] === '') { return; }
      list.appendChild(gp.node('div', '', gp.node('dt', '', gp.word(row[0])), gp.node('dd', '', row[1])));
    });
    return list;
  }

  gp.readyBadge = function (i) {
    var code = gp.shown(i, 'ready');
    return gp.node('span', 'gp-badge', gp.chip(code), gp.node('span', '', gp.readyWord(code)));
  };

  var papers = {};           // by parcel: rows of what was written on it
  if (data.papers) {
    data.papers.parcel.forEach(function (parcel, row) { (papers[parcel] = papers[parcel] || []).push(row); });
  }

  // The papers on one answer, or on the whole of a parcel (service -1): who says what, and until when.
  function paperList(i, number) {
    var told = data.papers;
    var list = gp.node('ul', 'gp-papers');
    (papers[i] || []).forEach(function (row) {
      if (told.service[row] !== number) { return; }
      var until = gp.text(told.expires[row]);
      var item = gp.node('li', '', gp.node('span', 'gp-soft', gp.word('paper.title')), ' ',
        [gp.text(told.issuer[row]), gp.text(told.number[row]), gp.text(told.date[row])].filter(Boolean).join(' '), ' ',
        gp.node('strong', '', [gp.text(told.says_zh[row]) || '?', gp.text(told.says_en[row]) || '?']));
      gp.append(item, gp.text(told.capacity[row]) ? ' ' + gp.text(told.capacity[row]) : '');
      if (until) { gp.append(gp.append(item, ' '), gp.word(until < data.about.dates.check ? 'paper.expired' : 'paper.until', { day: until })); }
      list.appendChild(item);
    });
    return list.firstChild ? list : null;
  }

  function answer(entry, i, number) {
    var service = entry.service;
    var head = gp.node('p', 'gp-answer-head',
      gp.serviceTag(service),
      gp.node('strong', '', [service.zh, service.en]),
      gp.node('span', 'gp-answer-word', gp.gradeWord(entry.grade)));
    if (entry.optional) { head.appendChild(gp.node('span', 'gp-soft', gp.word('answer.optional'))); }
    var more = gp.node('p', 'gp-answer-facts');
    [
      ['answer.distance', entry.distance === null ? '' : entry.distance + ' m'],
      ['answer.path', entry.path === null ? '' : entry.path + ' m'],
      ['answer.feature', entry.feature],
      ['answer.source', entry.source],
      ['answer.works', entry.works],
      ['answer.ready', entry.readyOn],
      ['answer.reserve', gp.reserve(entry)]
    ].forEach(function (fact) {
      // what the reason says already is not said twice
      if (!fact[1] || entry.reason[0].indexOf(fact[1]) >= 0) { return; }
      more.appendChild(gp.node('span', '', gp.node('span', 'gp-soft', gp.word(fact[0])), ' ', fact[1]));
    });
    var doing = gp.node('p', 'gp-doing');
    var way = gp.wayOf(i, number);
    if (gp.hasWay(i, number)) { doing.appendChild(wayButton(i, number, way)); }
    var note = gp.noteBox({ kind: 'cell', parcel: i, service: number });
    doing.appendChild(note.button);
    return gp.node('li', '', gp.chip(entry.grade, gp.gradeWord(entry.grade)),
      gp.node('div', '', head, entry.reason[0] ? gp.node('p', 'gp-reason', entry.reason) : null, more.firstChild ? more : null, paperList(i, number),
        way && way.features.length ? gp.wayText(way, entry.source) : null, doing, note.box));
  }

  function wayButton(i, number, way) {
    var button = gp.node('button', 'gp-link', gp.word(way ? 'way.show' : 'way.gap'));
    var shown = gp.traced && gp.traced.parcel === i && gp.traced.service === number;
    button.type = 'button';
    button.setAttribute('aria-pressed', String(Boolean(shown)));
    button.addEventListener('click', function () {
      var on = gp.showWay(i, number);
      document.querySelectorAll('#gp-parcel .gp-doing [aria-pressed]').forEach(function (other) { other.setAttribute('aria-pressed', 'false'); });
      button.setAttribute('aria-pressed', String(on));
    });
    return button;
  }

  function gapList(i) {
    var list = gp.node('ul', 'gp-gaps');
    data.gaps.parcel.forEach(function (parcel, row) {
      if (parcel !== i || data.gaps.service[row] < 0) { return; }
      var note = gp.noteBox({ kind: 'gap', parcel: i, service: data.gaps.service[row], gap: row });
      list.appendChild(gp.node('li', '', gapText(row), gp.node('p', 'gp-doing', note.button), note.box));
    });
    return list.firstChild ? gp.node('div', '', gp.node('h3', '', gp.word('gaps.title')), list) : null;
  }

  function gapText(row) {
    var gaps = data.gaps;
    var service = data.services[gaps.service[row]];
    var line = gp.node('span', 'gp-answer-facts', gp.serviceTag(service));
    gp.append(line, gp.node('span', '', gaps.length_m[row] === null
      ? gp.word('gaps.unmeasured') : gp.word('gaps.length', { m: gp.number(gaps.length_m[row]) })));
    gp.append(line, gp.node('span', '', [gp.text(gaps.responsible_zh[row]), gp.text(gaps.responsible_en[row])]));
    if (gaps.estimate_cny[row] !== null) {
      gp.append(line, gp.node('span', '', gp.word('gaps.cost', { cny: gp.number(gaps.estimate_cny[row]) })));
    }
    return line;
  }

  function groundText(i) {
    var ground = data.parcels.ground;
    var said = [gp.text(ground.zh[i]), gp.text(ground.en[i])];
    if (!said[0]) { return null; }
    return gp.node('div', 'gp-ground', gp.node('h3', '', gp.word('ground.title')), gp.node('p', 'gp-reason', said));
  }

  // The panel: the whole answer.
  gp.fillParcel = function (i) {
    var parcels = data.parcels;
    var panel = gp.clear(document.getElementById('gp-parcel'));
    if (i === null) {
      gp.append(panel, gp.node('p', 'gp-hint', gp.word('parcel.none')));
      return;
    }
    var id = gp.text(parcels.id[i]);
    var name = gp.text(parcels.name[i]);
    var heading = gp.node('h2', 'gp-parcel-title', gp.node('span', 'gp-id', id), name && name !== id ? gp.node('span', '', name) : null);
    heading.tabIndex = -1;
    heading.id = 'gp-parcel-title';
    gp.append(panel, heading);
    gp.append(panel, gp.readyBadge(i));
    var note = gp.noteBox({ kind: 'parcel', parcel: i });
    gp.append(panel, gp.node('p', 'gp-doing', note.button));
    gp.append(panel, note.box);
    gp.append(panel, gp.partLine(i));
    gp.append(panel, gp.landBox(i));
    var count = parcels.required[i] === null ? ''
      : gp.word('parcel.count', { n: parcels.connected[i], of: parcels.required[i] });
    var byDate = gp.text(parcels.ready_by_delivery[i]);
    gp.append(panel, facts([
      ['parcel.connected', count],
      ['parcel.area', parcels.mu[i] === null ? '' : gp.mu(parcels.mu[i], 1)],
      ['parcel.use', known('use.', gp.text(parcels.use[i]))],
      ['parcel.park', gp.text(parcels.sub_park[i])],
      ['parcel.supply', known('supply_status.', gp.text(parcels.supply_status[i]))],
      ['parcel.promised', gp.text(parcels.promised[i])],
      ['parcel.ready_on', gp.text(parcels.ready_on[i])],
      ['parcel.delivery', gp.text(parcels.delivery_on[i])],
      ['parcel.by_delivery', gp.text(parcels.delivery_on[i]) && byDate ? gp.word('ready_by_delivery.' + byDate) : '']
    ]));
    var list = gp.node('ol', 'gp-answers');
    gp.attribute(list, 'aria-label', gp.word('parcel.answers'));
    gp.answers(i).forEach(function (entry, number) { list.appendChild(answer(entry, i, number)); });
    gp.append(panel, list);
    gp.append(panel, paperList(i, -1));
    gp.append(panel, gapList(i));
    gp.append(panel, groundText(i));
  };

  // The popup: the ten letters at a glance.
  gp.parcelCard = function (i) {
    var parcels = data.parcels;
    var id = gp.text(parcels.id[i]);
    var name = gp.text(parcels.name[i]);
    var card = gp.node('div', 'gp-card',
      gp.node('p', 'gp-card-title', gp.node('strong', 'gp-id', id), name && name !== id ? gp.node('span', '', name) : null),
      gp.readyBadge(i), gp.landLine(i));
    var list = gp.node('ul', 'gp-ten');
    gp.answers(i).forEach(function (entry) {
      list.appendChild(gp.node('li', '', gp.chip(entry.grade),
        gp.node('span', '', gp.node('b', '', [entry.service.zh, entry.service.en]),
          gp.node('span', 'gp-soft', gp.gradeWord(entry.grade), gp.reserve(entry) === '' ? null
            : gp.node('span', '', ' \u00b7 ', gp.word('answer.reserve'), ' ', gp.reserve(entry))))));
    });
    card.appendChild(list);
    return card;
  };

  function card(title, rows) {
    return gp.node('div', 'gp-card', gp.node('p', 'gp-card-title', title), facts(rows));
  }

  gp.featureCard = function (entry, rows) {
    var service = data.services[entry.service];
    var i = entry.row;
    var title = gp.node('span', '', gp.serviceTag(service), gp.node('strong', '', [service.zh, service.en]));
    return card(title, [
      ['feature.id', gp.text(rows.feature[i])],
      ['feature.name', gp.text(rows.name[i])],
      ['feature.role', known('role.', gp.text(rows.role[i]))],
      ['feature.kind', known('kind.', gp.text(rows.kind[i]))],
      ['feature.state', known('state.', gp.text(rows.state[i]))],
      ['feature.label', gp.sized(gp.text(rows.label[i]))],
      ['feature.works', gp.text(rows.works[i])]
    ]);
  };

  gp.gapCard = function (row) {
    var gaps = data.gaps;
    var parcel = gaps.parcel[row];
    return card(gp.node('strong', '', gp.word('gaps.title')), [
      ['panel.parcel', parcel < 0 ? '' : gp.text(data.parcels.id[parcel])],
      ['gaps.what', gapText(row)],
      ['gaps.from', gp.text(gaps.from_feature[row])],
      ['answer.reason', [gp.text(gaps.reason_zh[row]), gp.text(gaps.reason_en[row])]],
      ['gaps.basis', known('basis.', gp.text(gaps.basis[row]))]
    ]);
  };

  gp.barrierCard = function (row) {
    var barriers = data.barriers;
    return card(gp.node('strong', '', gp.word('layer.barriers')), [
      ['feature.kind', known('barrier.', gp.text(barriers.kind[row]))],
      ['feature.name', gp.text(barriers.name[row])],
      ['feature.id', gp.text(barriers.feature[row])]
    ]);
  };
}(window.gisplan));
