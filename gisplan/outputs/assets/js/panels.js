// The panels beside the map: legend, layers, and what stands above and below it.
(function (gp) {
  'use strict';

  var data = gp.data;

  // How many parcels, and how much land, each answer stands for.
  gp.totals = function (codes, view, shown) {
    var sums = {};
    codes.forEach(function (code) { sums[code] = { n: 0, mu: 0 }; });
    for (var i = 0; i < gp.count; i += 1) {
      var code = shown(i, view);
      if (!sums[code]) { sums[code] = { n: 0, mu: 0 }; }
      sums[code].n += 1;
      sums[code].mu += data.parcels.mu[i] || 0;
    }
    return sums;
  };

  function codesOf(view) { return view === 'ready' ? gp.READY : gp.GRADES; }

  function serviceName(service) { return [service.zh, service.en]; }

  gp.serviceTag = function (service) {
    var tag = gp.node('span', 'gp-tag', service.letter);
    tag.style.borderColor = service.colour;
    return tag;
  };

  // --- what the parcels' colours mean, and how many parcels each stands for
  gp.fillKeys = function () {
    var list = gp.clear(document.getElementById('gp-keys'));
    var sums = gp.totals(codesOf(gp.view), gp.view, gp.shown);
    // a sheet of paper has no drop-down list: it names the colouring in words
    var named = gp.view === 'ready' ? gp.word('colour.ready') : serviceName(data.services[gp.view]);
    var printed = gp.append(gp.clear(document.getElementById('gp-printed-view')), named);
    if (gp.day) { gp.append(gp.append(printed, ' \u00b7 '), gp.word('time.printed', { day: gp.days[gp.day] })); }
    Object.keys(sums).forEach(function (code) {
      if (code === '-' && !sums[code].n) { return; }
      list.appendChild(gp.node('li', '',
        gp.chip(code),
        gp.node('span', 'gp-key-word', gp.shownWord(code, gp.view)),
        gp.node('span', 'gp-key-sum', gp.number(sums[code].n))));
    });
  };

  gp.fillColourChoice = function () {
    var select = document.getElementById('gp-colour');
    function option(value, pair) {
      var node = gp.node('option');
      node.value = value;
      node.gpPair = pair;
      node.textContent = gp.plain(pair);
      select.appendChild(node);
    }
    option('ready', gp.word('colour.ready'));
    data.services.forEach(function (service, i) { option(String(i), serviceName(service)); });
    select.addEventListener('change', function () {
      gp.setView(select.value === 'ready' ? 'ready' : Number(select.value));
    });
  };

  // --- layers
  function toggle(pair, sample, on, change) {
    var box = gp.node('input');
    box.type = 'checkbox';
    box.checked = on;
    box.addEventListener('change', function () { change(box.checked); });
    return { box: box, item: gp.node('li', '', gp.node('label', '', box, sample, gp.node('span', '', pair))) };
  }

  function dotSample(colour, fill) {
    var svg = gp.svg('svg', { width: 46, height: 14, viewBox: '0 0 46 14', 'aria-hidden': 'true' });
    svg.appendChild(gp.svg('circle', { cx: 23, cy: 7, r: 4.5, fill: fill, stroke: colour, 'stroke-width': 1.8 }));
    return svg;
  }

  function lineSample(colour, weight, dash) {
    var svg = gp.svg('svg', { width: 46, height: 14, viewBox: '0 0 46 14', 'aria-hidden': 'true' });
    svg.appendChild(gp.svg('line', {
      x1: 1, y1: 7, x2: 45, y2: 7, stroke: colour, 'stroke-width': weight, 'stroke-dasharray': dash || 'none'
    }));
    return svg;
  }

  function areaSample() {
    var svg = gp.svg('svg', { width: 46, height: 14, viewBox: '0 0 46 14', 'aria-hidden': 'true' });
    svg.appendChild(gp.svg('rect', { x: 8, y: 1, width: 30, height: 12, fill: gp.FILLS.yes, stroke: '#5b6b6d' }));
    return svg;
  }

  gp.fillLayers = function (zone, changed) {
    var services = document.getElementById('gp-services');
    var drawn = data.services.map(function () { return 0; });
    data.lines.service.concat(data.points.service).forEach(function (i) { if (i >= 0) { drawn[i] += 1; } });
    var boxes = [];
    data.services.forEach(function (service, i) {
      if (service.shape === 'surface' && !drawn[i]) { return; }
      var made = toggle(serviceName(service), gp.sample(service.colour, 'operating', service.letter), true, function (on) {
        zone.serviceOn[i] = on;
        changed();
      });
      if (!drawn[i]) {
        made.item.className = 'gp-empty';
        made.item.firstChild.appendChild(gp.node('span', 'gp-soft', gp.word(data.left_out ? 'layers.elsewhere' : 'layers.empty')));
      }
      boxes.push([made.box, i]);
      services.appendChild(made.item);
    });
    [['gp-all', true], ['gp-none', false]].forEach(function (way) {
      document.getElementById(way[0]).addEventListener('click', function () {
        boxes.forEach(function (entry) {
          entry[0].checked = way[1];
          zone.serviceOn[entry[1]] = way[1];
        });
        changed();
      });
    });

    var others = document.getElementById('gp-others');
    var samples = {
      parcels: areaSample(),
      gaps: lineSample('#a3123f', 1.8, '3 4'),
      barriers: lineSample(gp.BARRIERS.rail.color, 3.5, '9 7'),
      base: lineSample('#9aa1a4', 9)
    };
    Object.keys(samples).forEach(function (name) {
      if ((name === 'barriers' || name === 'base') && !data[name]) { return; }
      var count = { parcels: gp.count, gaps: data.left_out ? data.left_out.gaps : data.gaps.parcel.length }[name];
      var made = toggle(gp.word('layer.' + name), samples[name], true, function (on) {
        zone.otherOn[name] = on;
        changed();
      });
      made.item.id = 'gp-layer-' + name;
      if (count !== undefined) { made.item.firstChild.appendChild(gp.node('span', 'gp-key-sum', gp.number(count))); }
      others.appendChild(made.item);
    });
    gp.fillFaultLayers(zone, toggle, changed);
  };

  // A layer that shows only nearer by says so.
  gp.dimLayer = function (name, far) {
    var item = document.getElementById('gp-layer-' + name);
    item.classList.toggle('gp-later', far);
    if (far) {
      gp.attribute(item, 'title', gp.word('layers.later'));
    } else {
      gp.unset(item, 'title');
    }
  };

  // --- line patterns and point signs
  gp.fillSigns = function () {
    var list = document.getElementById('gp-signs');
    var ink = '#33474a';
    [['operating', 'state.operating'], ['built', 'sign.building'], ['planned', 'state.planned'], ['unknown', 'sign.other']]
      .forEach(function (row) {
        list.appendChild(gp.node('li', '', gp.sample(gp.known(row[0]) ? ink : '#8b9296', row[0]), gp.node('span', '', gp.word(row[1]))));
      });
    var service = { colour: ink, letter: '' };
    [['source', 'sign.source'], ['outfall', 'sign.outfall']].forEach(function (row) {
      list.appendChild(gp.node('li', '', gp.node('span', 'gp-sign-box', gp.sign(row[0], service, 'operating')), gp.node('span', '', gp.word(row[1]))));
    });
    list.appendChild(gp.node('li', '', dotSample(ink, '#ffffff'), gp.node('span', '', gp.word('sign.stub'))));
    list.appendChild(gp.node('li', '', dotSample('#11292b', '#11292b'), gp.node('span', '', gp.word('sign.closed'))));
  };

  gp.fillFrame = function () {
    var about = data.about;
    gp.append(gp.append(document.getElementById('gp-title'), about.title), gp.partTitle());
    document.getElementById('gp-invented').hidden = !about.invented;
    // what the survey is worth is said before anything else is read
    var mark = document.getElementById('gp-data-mark');
    var issues = data.issues;
    mark.hidden = !issues.error && !issues.warning;
    mark.classList.toggle('gp-bad', issues.error > 0);
    gp.append(mark, gp.word(issues.error ? 'issues.errors' : 'issues.warnings', { n: gp.number(issues.error || issues.warning) }));
    mark.addEventListener('click', function () {
      document.getElementById('gp-tab-overview').click();
      document.getElementById('gp-issues').scrollIntoView({ block: 'start' });
    });
    gp.append(document.getElementById('gp-disclaimer'), about.disclaimer);
    var facts = document.getElementById('gp-facts');
    [
      ['facts.data', about.dates.data || '\u2013'],
      ['facts.check', about.dates.check || '\u2013'],
      ['facts.profile', gp.node('span', '', about.profile.label, ' ' + about.profile.id + ' ' + about.profile.version)],
      ['facts.crs', [about.crs.code, about.crs.name].filter(Boolean).join(' ') || '\u2013'],
      ['facts.version', about.version],
      ['facts.base', data.base ? data.base.credit : null],
      ['facts.formula', about.formula],
      ['facts.own', data.limits.own.length ? gp.word('facts.own_count', { n: data.limits.own.length }) : null]
    ].forEach(function (fact) {
      if (!fact[1]) { return; }
      facts.appendChild(gp.node('div', '', gp.node('dt', '', gp.word(fact[0])), gp.node('dd', '', fact[1])));
    });
  };
}(window.gisplan));
