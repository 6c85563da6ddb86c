// Which parcels are looked at: a filter by answer, sub-park, conclusion and size, and the list of parcels by services.
(function (gp) {
  'use strict';

  var data = gp.data;
  var AT_ONCE = 60;
  var CONCLUSIONS = ['offer', 'after_tasks', 'unfit', 'unknown'];
  var asked = { view: null, codes: {}, park: '', conclusion: '', low: null, high: null };
  var order = { by: 'id', down: false };
  var many = AT_ONCE;
  var changed = null;

  gp.matched = data.parcels.id.map(function () { return true; });

  function viewAsked() { return asked.view === null ? gp.view : asked.view; }

  function codesOf(view) { return (view === 'ready' ? gp.READY : gp.GRADES).concat(gp.day ? [view === 'ready' ? 'by' : 'b'] : []); }

  function passes(i) {
    var parcels = data.parcels;
    var codes = Object.keys(asked.codes);
    var mu = parcels.mu[i];
    if (codes.length && !asked.codes[gp.shown(i, viewAsked())]) { return false; }
    if (asked.park && gp.text(parcels.sub_park[i]) !== asked.park) { return false; }
    if (asked.conclusion && (!data.land || gp.text(data.land.conclusion[i]) !== asked.conclusion)) { return false; }
    if (asked.low !== null && !(mu >= asked.low)) { return false; }
    return asked.high === null || (mu !== null && mu <= asked.high);
  }

  gp.filtering = function () {
    return Boolean(Object.keys(asked.codes).length || asked.park || asked.conclusion) || asked.low !== null || asked.high !== null;
  };

  // Looks again at every parcel: after the filter, the colouring or the day has changed.
  gp.refilter = function () {
    var n = 0;
    var mu = 0;
    for (var i = 0; i < gp.count; i += 1) {
      gp.matched[i] = passes(i);
      if (gp.matched[i]) {
        n += 1;
        mu += data.parcels.mu[i] || 0;
      }
    }
    var said = gp.clear(document.getElementById('gp-filter-said'));
    gp.append(said, gp.word(gp.filtering() ? 'filter.some' : 'filter.all', { n: gp.number(n), of: gp.number(gp.count), mu: gp.number(mu) }));
    document.getElementById('gp-filter-clear').hidden = !gp.filtering();
    many = AT_ONCE;
    fillCodes();
    fillList();
  };

  function settle() {
    gp.refilter();
    changed();
  }

  // --- the filter
  function option(select, value, pair) {
    var node = gp.node('option');
    node.value = value;
    node.gpPair = pair;
    node.textContent = gp.plain(pair);
    select.appendChild(node);
  }

  function fillCodes() {
    var box = gp.clear(document.getElementById('gp-filter-codes'));
    var view = viewAsked();
    codesOf(view).forEach(function (code) {
      var tick = gp.node('input');
      tick.type = 'checkbox';
      tick.value = code;
      tick.checked = Boolean(asked.codes[code]);
      tick.addEventListener('change', function () {
        if (tick.checked) { asked.codes[code] = true; } else { delete asked.codes[code]; }
        settle();
        document.querySelector('#gp-filter-codes input[value="' + code + '"]').focus();
      });
      box.appendChild(gp.node('label', '', tick, gp.chip(code), gp.node('span', '', gp.shownWord(code, view))));
    });
  }

  function number(id, name) {
    var input = document.getElementById(id);
    input.addEventListener('input', function () {
      var value = input.value.trim() === '' ? null : Number(input.value);
      asked[name] = value === null || isNaN(value) ? null : value;
      settle();
    });
  }

  function startFilter() {
    var view = document.getElementById('gp-filter-view');
    option(view, '', gp.word('filter.as_coloured'));
    option(view, 'ready', gp.word('colour.ready'));
    data.services.forEach(function (service, i) { option(view, String(i), [service.zh, service.en]); });
    view.addEventListener('change', function () {
      asked.view = view.value === '' ? null : view.value === 'ready' ? 'ready' : Number(view.value);
      asked.codes = {};
      settle();
    });
    var park = document.getElementById('gp-filter-park');
    option(park, '', gp.word('filter.any_park'));
    var parks = {};
    data.parcels.sub_park.forEach(function (number) { if (number >= 0) { parks[gp.text(number)] = true; } });
    Object.keys(parks).sort().forEach(function (name) { option(park, name, name); });
    park.hidden = !Object.keys(parks).length;
    park.addEventListener('change', function () {
      asked.park = park.value;
      settle();
    });
    var conclusion = document.getElementById('gp-filter-conclusion');
    option(conclusion, '', gp.word('filter.any_conclusion'));
    CONCLUSIONS.forEach(function (code) { option(conclusion, code, gp.word('land.conclusion.' + code)); });
    conclusion.hidden = !data.land;
    conclusion.addEventListener('change', function () {
      asked.conclusion = conclusion.value;
      settle();
    });
    number('gp-filter-low', 'low');
    number('gp-filter-high', 'high');
    document.getElementById('gp-filter-clear').addEventListener('click', function () {
      asked = { view: asked.view, codes: {}, park: '', conclusion: '', low: null, high: null };
      ['gp-filter-park', 'gp-filter-conclusion', 'gp-filter-low', 'gp-filter-high'].forEach(function (id) {
        document.getElementById(id).value = '';
      });
      settle();
    });
  }

  // --- parcels by services
  function head(key, by) {
    var button = gp.node('button', 'gp-link', gp.word(key));
    button.type = 'button';
    button.addEventListener('click', function () {
      order = { by: by, down: order.by === by && !order.down };
      fillList();
    });
    var cell = gp.node('th', '', button);
    cell.scope = 'col';
    cell.setAttribute('aria-sort', order.by !== by ? 'none' : order.down ? 'descending' : 'ascending');
    return cell;
  }

  function sorted() {
    var found = [];
    for (var i = 0; i < gp.count; i += 1) { if (gp.matched[i]) { found.push(i); } }
    if (order.by === 'mu') { found.sort(function (a, b) { return (data.parcels.mu[a] || 0) - (data.parcels.mu[b] || 0) || a - b; }); }
    return order.down ? found.reverse() : found;
  }

  function fillList() {
    var box = gp.clear(document.getElementById('gp-list-rows'));
    var found = sorted();
    var table = gp.node('table', 'gp-list');
    var top = gp.node('tr', '', head('panel.parcel', 'id'), head('unit.mu', 'mu'));
    data.services.forEach(function (service) {
      var cell = gp.node('th', '', [service.short || service.letter, service.letter]);
      cell.scope = 'col';
      gp.attribute(cell, 'title', [service.zh, service.en]);
      top.appendChild(cell);
    });
    table.appendChild(gp.node('thead', '', top));
    var body = gp.node('tbody');
    found.slice(0, many).forEach(function (i) {
      var button = gp.node('button', 'gp-link gp-id', gp.text(data.parcels.id[i]));
      button.type = 'button';
      button.addEventListener('click', function () { gp.choose(i, { zoom: true, focus: true }); });
      var name = gp.node('th', '', gp.chip(gp.shown(i, 'ready'), gp.readyWord(gp.shown(i, 'ready'))), ' ', button);
      name.scope = 'row';
      var row = gp.node('tr', '', name, gp.node('td', 'gp-figure', data.parcels.mu[i] === null ? '?' : gp.number(data.parcels.mu[i], 1)));
      data.services.forEach(function (service, k) {
        var code = gp.shown(i, k);
        row.appendChild(gp.node('td', '', gp.chip(code, gp.gradeWord(code))));
      });
      body.appendChild(row);
    });
    table.appendChild(body);
    box.appendChild(table);
    if (found.length > many) {
      var more = gp.node('button', 'gp-button', gp.word('list.more', { n: gp.number(found.length - many) }));
      more.type = 'button';
      more.addEventListener('click', function () {
        many += AT_ONCE;
        fillList();
      });
      box.appendChild(more);
    }
  }

  gp.startList = function (then) {
    changed = then;
    startFilter();
    gp.refilter();
  };
}(window.gisplan));
