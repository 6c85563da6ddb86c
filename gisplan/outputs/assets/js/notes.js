// What reviewers say: a mark and a note on a parcel, an answer or a gap. They stay in this page until they are saved as
// a file; nothing leaves it otherwise. Notes that came back with the check are shown beside one's own.
(function (gp) {
  'use strict';

  var data = gp.data;
  var MARKS = ['agree', 'doubt', 'wrong'];
  var LONGEST = 2000;
  var own = {};              // by key: the reviewer's notes
  var saved = true;
  var others = data.notes;
  var byParcel = {};

  if (others) {
    others.parcel.forEach(function (parcel, row) { (byParcel[parcel] = byParcel[parcel] || []).push(row); });
  }

  function keyOf(target) {
    return [target.kind, gp.text(data.parcels.id[target.parcel]), target.service === undefined ? '' : data.services[target.service].key].join('\n');
  }

  function name() { return document.getElementById('gp-reviewer').value.trim(); }

  gp.openNotes = function (parcel) {
    var count = 0;
    (byParcel[parcel] || []).forEach(function (row) { if (gp.text(others.status[row]) === 'open') { count += 1; } });
    Object.keys(own).forEach(function (key) { if (own[key].target.parcel === parcel && own[key].mark !== 'agree') { count += 1; } });
    return count;
  };

  // What the file says of the target: ids, what was read there, and where it lies, so that it is found again when a
  // parcel has been drawn or numbered anew.
  function written(note) {
    var target = note.target;
    var said = {
      kind: target.kind, parcel: gp.text(data.parcels.id[target.parcel]), mark: note.mark, text: note.text, at: note.at,
      rings: places(gp.pieces(data.parcels.rings, gp.count)[target.parcel])
    };
    if (target.service === undefined) {
      said.seen = { ready: gp.today(target.parcel, 'ready') };
      return said;
    }
    var answer = gp.answers(target.parcel)[target.service];
    said.service = data.services[target.service].key;
    said.seen = { grade: answer.grade, code: answer.code };
    if (target.kind === 'gap') {
      said.seen.length_m = data.gaps.length_m[target.gap];
      said.line = places(gp.pieces(data.gaps.parts, data.gaps.parcel.length)[target.gap]);
    }
    return said;
  }

  function places(pieces) {
    var digits = data.plain ? 3 : 7;
    return pieces.map(function (piece) {
      return piece.map(function (at) { return [Number(at[1].toFixed(digits)), Number(at[0].toFixed(digits))]; });
    });
  }

  gp.notesFile = function () {
    var notes = Object.keys(own).map(function (key) { return written(own[key]); });
    return {
      gisplan_review: 1, zone: data.about.title[0], reviewer: name(), profile: data.about.profile.id,
      checked: data.about.dates.check, data: data.about.dates.data, version: data.about.version,
      plane: data.plain ? 'metres' : 'degrees', notes: notes
    };
  };

  function said(key, more) {
    gp.append(gp.clear(document.getElementById('gp-notes-said')), gp.word(key, more));
  }

  function save() {
    if (!name()) {
      said('notes.who_first');
      document.getElementById('gp-reviewer').focus();
      return;
    }
    var text = JSON.stringify(gp.notesFile(), null, 1) + '\n';
    var link = gp.node('a');
    link.href = window.URL.createObjectURL(new window.Blob([text], { type: 'application/json' }));
    link.download = 'notes-' + name().replace(/[^\w\u4e00-\u9fff-]+/g, '_').slice(0, 40) + '.json';
    link.click();
    window.setTimeout(function () { window.URL.revokeObjectURL(link.href); }, 10000);
    saved = true;
    said('notes.saved', { n: Object.keys(own).length });
  }

  // Goes on with a file of one's own; what does not fit this zone is counted, and stays in that file.
  gp.takeNotes = function (text) {
    var file;
    try { file = JSON.parse(text); } catch (error) { file = null; }
    if (!file || file.gisplan_review !== 1 || !Array.isArray(file.notes)) {
      said('notes.no_file');
      return;
    }
    var numbers = {};
    data.parcels.id.forEach(function (number, i) { numbers[gp.text(number)] = i; });
    var services = data.services.map(function (service) { return service.key; });
    var taken = 0;
    file.notes.forEach(function (note) {
      var at = note && typeof note.parcel === 'string' ? numbers[note.parcel] : undefined;
      var service = note && note.service === undefined ? undefined : services.indexOf(note && note.service);
      if (at === undefined || service === -1 || MARKS.indexOf(note.mark) < 0) { return; }
      var target = { kind: note.kind, parcel: at, service: service };
      if (note.kind === 'gap') {
        target.gap = -1;
        data.gaps.parcel.forEach(function (parcel, row) { if (parcel === at && data.gaps.service[row] === service) { target.gap = row; } });
      }
      if (['parcel', 'cell', 'gap'].indexOf(note.kind) < 0 || target.gap === -1 || (service === undefined) !== (note.kind === 'parcel')) { return; }
      own[keyOf(target)] = { target: target, mark: note.mark, text: String(note.text || '').slice(0, LONGEST), at: String(note.at || '') };
      taken += 1;
    });
    if (typeof file.reviewer === 'string' && !name()) { document.getElementById('gp-reviewer').value = file.reviewer; }
    fill();
    said('notes.taken', { n: taken, of: file.notes.length });
  };

  function keep(target, mark, text) {
    var key = keyOf(target);
    if (mark) {
      own[key] = { target: target, mark: mark, text: text, at: new Date().toISOString().slice(0, 19) + 'Z' };
    } else {
      delete own[key];
    }
    saved = false;
    fill();
  }

  function markOf(mark, status) {
    var node = gp.node('span', 'gp-note-mark gp-note-' + mark, gp.word('note.' + mark));
    return status ? gp.node('span', '', node, ' ', gp.node('span', 'gp-soft', gp.word('note.' + status))) : node;
  }

  // The button that opens a target's form, and the form with what others said of it.
  gp.noteBox = function (target) {
    var key = keyOf(target);
    var box = gp.node('div', 'gp-note-box');
    var form = gp.node('div', 'gp-note-form');
    var button = gp.node('button', 'gp-link', gp.word('notes.add'));
    var text = gp.node('textarea');
    button.type = 'button';
    form.hidden = !own[key];
    text.maxLength = LONGEST;
    text.rows = 2;
    gp.attribute(text, 'aria-label', gp.word('notes.text'));
    gp.attribute(text, 'placeholder', gp.word('notes.text'));
    text.value = own[key] ? own[key].text : '';
    var marks = gp.node('div', 'gp-units');
    marks.setAttribute('role', 'group');
    gp.attribute(marks, 'aria-label', gp.word('notes.mark'));
    function press() {
      marks.childNodes.forEach(function (each) { each.setAttribute('aria-pressed', String(Boolean(own[key]) && own[key].mark === each.value)); });
    }
    MARKS.forEach(function (mark) {
      var each = gp.node('button', '', gp.word('note.' + mark));
      each.type = 'button';
      each.value = mark;
      each.addEventListener('click', function () {
        keep(target, own[key] && own[key].mark === mark ? null : mark, text.value);
        press();
      });
      marks.appendChild(each);
    });
    text.addEventListener('input', function () { keep(target, own[key] ? own[key].mark : 'doubt', text.value); press(); });
    button.setAttribute('aria-expanded', String(!form.hidden));
    button.addEventListener('click', function () {
      form.hidden = !form.hidden;
      button.setAttribute('aria-expanded', String(!form.hidden));
      if (!form.hidden) { marks.firstChild.focus(); }
    });
    press();
    form.appendChild(marks);
    form.appendChild(text);
    (byParcel[target.parcel] || []).forEach(function (row) {
      var kind = gp.text(others.kind[row]);
      if (kind !== target.kind || (target.service !== undefined && others.service[row] !== target.service)) { return; }
      box.appendChild(told(row));
    });
    box.appendChild(form);
    return { button: button, box: box };
  };

  // A note that came back: who, what, and what has become of it.
  function told(row) {
    var status = gp.text(others.status[row]);
    return gp.node('div', 'gp-told gp-told-' + status,
      markOf(gp.text(others.mark[row]), status), ' ', gp.node('strong', '', gp.text(others.reviewer[row])), ' ',
      gp.node('span', 'gp-soft', gp.text(others.at[row]).slice(0, 10)),
      gp.text(others.text[row]) ? gp.node('p', 'gp-reason', gp.text(others.text[row])) : null,
      gp.node('p', 'gp-soft', [gp.text(others.why_zh[row]), gp.text(others.why_en[row])]));
  }

  function targetWord(parcel, service, kind) {
    var node = gp.node('span', '', gp.node('span', 'gp-id', parcel), ' ');
    if (service) { gp.append(gp.append(node, gp.serviceTag(service)), [service.zh, service.en]); }
    return kind === 'gap' ? gp.append(gp.append(node, ' '), gp.word('gaps.title')) : node;
  }

  function entry(parcel, head, body) {
    var go = gp.node('button', 'gp-fix', head);
    go.type = 'button';
    if (parcel < 0) { go.disabled = true; }
    go.addEventListener('click', function () { gp.choose(parcel, { zoom: true, focus: true }); });
    return gp.node('li', '', go, body);
  }

  function fill() {
    var list = gp.clear(document.getElementById('gp-notes-own'));
    Object.keys(own).forEach(function (key) {
      var note = own[key];
      var service = data.services[note.target.service];
      list.appendChild(entry(note.target.parcel,
        gp.node('span', '', markOf(note.mark), ' ', targetWord(gp.text(data.parcels.id[note.target.parcel]), service, note.target.kind)),
        note.text ? gp.node('p', 'gp-reason', note.text) : null));
    });
    if (!list.firstChild) { list.appendChild(gp.node('li', 'gp-hint', gp.word('notes.none'))); }
    gp.redrawMarks();
  }

  function fillOthers() {
    var box = document.getElementById('gp-notes-others');
    if (!others || !others.mark.length) { return; }
    var counts = { open: 0, settled: 0, orphaned: 0 };
    others.status.forEach(function (number) { counts[gp.text(number)] += 1; });
    gp.append(box, gp.node('h2', '', gp.word('notes.others')));
    gp.append(box, gp.node('p', 'gp-line', gp.word('notes.counts', counts)));
    var list = gp.node('ul', 'gp-fixes');
    ['open', 'orphaned', 'settled'].forEach(function (status) {
      others.mark.forEach(function (mark, row) {
        if (gp.text(others.status[row]) !== status) { return; }
        var service = data.services[others.service[row]];
        list.appendChild(entry(others.parcel[row], targetWord(gp.text(others.id[row]), service, gp.text(others.kind[row])), told(row)));
      });
    });
    gp.append(box, list);
  }

  gp.startNotes = function () {
    document.getElementById('gp-notes-save').addEventListener('click', save);
    var file = document.getElementById('gp-notes-file');
    file.addEventListener('change', function () {
      if (!file.files.length) { return; }
      file.files[0].text().then(gp.takeNotes);
      file.value = '';
    });
    window.addEventListener('beforeunload', function (event) {
      if (saved) { return; }
      event.preventDefault();
      event.returnValue = '';
    });
    fill();
    fillOthers();
  };
}(window.gisplan));
