// Search by parcel number or name: a combobox that works with the keyboard alone.
(function (gp) {
  'use strict';

  var data = gp.data;
  var MOST = 12;
  var input = document.getElementById('gp-search');
  var list = document.getElementById('gp-found');
  var status = document.getElementById('gp-found-count');
  var active = -1;

  function fold(text) { return text.normalize('NFKC').toLowerCase(); }

  var entries = null;
  function known() {
    entries = entries || data.parcels.id.map(function (number, i) {
      var id = gp.text(number);
      var name = gp.text(data.parcels.name[i]);
      return { parcel: i, id: id, name: name, key: fold(id + '\n' + name) };
    });
    return entries;
  }

  function close() {
    list.hidden = true;
    gp.clear(list);
    active = -1;
    input.setAttribute('aria-expanded', 'false');
    input.removeAttribute('aria-activedescendant');
    gp.clear(status);
  }

  function point(next) {
    var items = list.children;
    if (!items.length) { return; }
    if (active >= 0) { items[active].setAttribute('aria-selected', 'false'); }
    active = (next + items.length) % items.length;
    items[active].setAttribute('aria-selected', 'true');
    items[active].scrollIntoView({ block: 'nearest' });
    input.setAttribute('aria-activedescendant', items[active].id);
  }

  function take(entry) {
    input.value = entry.id;
    close();
    gp.choose(entry.parcel, { zoom: true, focus: true, popup: true });
  }

  function find() {
    var wanted = fold(input.value.trim());
    close();
    if (!wanted) { return; }
    var found = known().filter(function (entry) { return entry.key.indexOf(wanted) >= 0; });
    found.slice(0, MOST).forEach(function (entry, i) {
      var item = gp.node('li', '',
        gp.chip(gp.shown(entry.parcel, 'ready')),
        gp.node('span', 'gp-id', entry.id),
        entry.name === entry.id ? null : gp.node('span', 'gp-soft', entry.name));
      item.id = 'gp-found-' + i;
      item.setAttribute('role', 'option');
      item.setAttribute('aria-selected', 'false');
      item.addEventListener('mousedown', function (event) {
        event.preventDefault();
        take(entry);
      });
      item.gpEntry = entry;
      list.appendChild(item);
    });
    list.hidden = !found.length;
    input.setAttribute('aria-expanded', String(Boolean(found.length)));
    gp.append(status, gp.word(found.length ? 'search.count' : 'search.none', { n: found.length }));
    if (found.length) { point(0); }
  }

  gp.startSearch = function () {
    input.addEventListener('input', find);
    input.addEventListener('focus', find);
    input.addEventListener('blur', close);
    input.addEventListener('keydown', function (event) {
      if (event.key === 'ArrowDown') { point(active + 1); event.preventDefault(); }
      if (event.key === 'ArrowUp') { point(active - 1); event.preventDefault(); }
      if (event.key === 'Escape') { close(); }
      if (event.key === 'Enter' && active >= 0) {
        event.preventDefault();
        take(list.children[active].gpEntry);
      }
    });
  };
}(window.gisplan));
