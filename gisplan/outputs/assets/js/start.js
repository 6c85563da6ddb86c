// Starts the page in the map that folium made: what is chosen, how the map is coloured, tabs, and printing.
(function (gp) {
  'use strict';

  var L = window.L;
  var zone = null;
  var marks = null;
  var whole = null;
  gp.view = 'ready';
  gp.chosen = null;

  L.Icon.Default.imagePath = '';
  L.Icon.Default.mergeOptions(gp.data.icons);

  // folium.Icon asks for AwesomeMarkers and its fonts; a coloured pin stands in for them.
  L.AwesomeMarkers = {
    icon: function (options) {
      var svg = gp.svg('svg', { viewBox: '0 0 24 34', width: 24, height: 34 });
      svg.appendChild(gp.svg('path', { d: 'M12 33 C12 25 1.5 20 1.5 11.5 a10.5 10.5 0 0 1 21 0 C22.5 20 12 25 12 33Z', stroke: '#fff' }));
      svg.appendChild(gp.svg('circle', { cx: 12, cy: 11.5, r: 4, fill: '#fff' }));
      svg.style.fill = options.markerColor || 'blue';
      return L.divIcon({ className: 'gp-pin', iconSize: [24, 34], iconAnchor: [12, 33], popupAnchor: [0, -28], html: svg });
    }
  };


  function popup(latlng, content) {
    if (gp.ruling) { return; }
    var shown = L.popup({ maxWidth: 340, minWidth: 220, className: 'gp-popup', autoPanPadding: [24, 24] })
      .setLatLng(latlng).setContent(content).openOn(zone.map);
    gp.attribute(shown.getElement().querySelector('.leaflet-popup-close-button'), 'aria-label', gp.word('map.close'));
  }

  // Chooses a parcel; `how` may ask to zoom there, to open the popup (at a place) and to move the focus.
  gp.choose = function (i, how) {
    if (gp.ruling) { return; }
    var before = gp.chosen;
    gp.chosen = i;
    if (before !== null) { zone.restyle(before); }
    zone.restyle(i);
    zone.raise(i);
    if (gp.view === 'ready') { gp.clearWay(); } else { gp.drawWay(zone, i, gp.view, false); }
    settle();
    gp.fillParcel(i);
    openTab('parcel');
    document.getElementById('gp-parcel').scrollTop = 0;
    if (how.zoom) {
      var bounds = zone.boundsOf(i).pad(1.2);
      zone.map.fitBounds(bounds, { animate: false });
    }
    if (how.popup) { popup(how.at || zone.anchorOf(i), gp.parcelCard(i)); }
    if (how.focus) { document.getElementById('gp-parcel-title').focus(); }
  };

  gp.showFeature = function (entry, rows, at) { popup(at, gp.featureCard(entry, rows)); };
  gp.showGap = function (row, at) { popup(at, gp.gapCard(row)); };

  // A fault or join: what it is; without a place (from the list) the map goes there and switches it on.
  function reveal(group, place, pieces) {
    var kind = zone.signGroups[group];
    if (!kind.on) { document.querySelector('#gp-layer-' + group + ' input').click(); }
    zone.map.fitBounds(gp.boundsAbout(place, pieces), { padding: [50, 50], animate: false });
  }

  gp.showFault = function (row, at) {
    if (!at) { reveal(gp.faultGroup(row), zone.faultPlaces[row], zone.faultLines[row]); }
    popup(at || zone.faultPlaces[row], gp.faultCard(row));
  };

  gp.showJoin = function (row, at) {
    if (!at) { reveal(gp.joinGroup(row), zone.joinPlaces[row], []); }
    popup(at || zone.joinPlaces[row], gp.joinCard(row));
  };

  gp.showBarrier = function (row, at) { popup(at, gp.barrierCard(row)); };

  gp.setView = function (view) {
    gp.view = view;
    document.getElementById('gp-colour').value = String(view);
    gp.clearWay();
    if (view !== 'ready' && gp.chosen !== null) { gp.drawWay(zone, gp.chosen, view, false); }
    gp.settleMatrix();
    gp.refilter();
    recolour();
  };

  // Every parcel anew: the colouring, the day or the filter has changed.
  function recolour() {
    zone.restyleAll();
    if (gp.chosen !== null) { zone.raise(gp.chosen); }
    gp.fillKeys();
    settle();
  }

  // Draws the way of an answer of the chosen parcel and goes there; a second time takes it away.
  gp.showWay = function (parcel, service) {
    var again = gp.traced && gp.traced.parcel === parcel && gp.traced.service === service;
    if (again) { gp.clearWay(); } else { gp.drawWay(zone, parcel, service, true); }
    zone.map.closePopup();
    settle();
    return !again;
  };

  gp.redrawMarks = function () { marks.redraw(); };

  function settle() {
    gp.settleLayers(zone, gp.view);
    marks.redraw();
  }

  var TABS = ['overview', 'list', 'fixes', 'parcel', 'notes'];

  function openTab(name) {
    TABS.forEach(function (each) {
      var tab = document.getElementById('gp-tab-' + each);
      tab.setAttribute('aria-selected', String(each === name));
      tab.tabIndex = each === name ? 0 : -1;
      document.getElementById('gp-' + each).hidden = each !== name;
    });
  }

  function startTabs() {
    TABS.forEach(function (name, i) {
      var tab = document.getElementById('gp-tab-' + name);
      tab.addEventListener('click', function () { openTab(name); });
      tab.addEventListener('keydown', function (event) {
        if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') { return; }
        var next = TABS[(i + (event.key === 'ArrowRight' ? 1 : TABS.length - 1)) % TABS.length];
        openTab(next);
        document.getElementById('gp-tab-' + next).focus();
      });
    });
  }

  function fit(bounds) {
    zone.map.invalidateSize({ animate: false });
    if (bounds.isValid()) { zone.map.fitBounds(bounds, { padding: [18, 18], animate: false }); }
  }

  function wholeZone() {
    fit(zone.bounds);
    whole = { centre: zone.map.getCenter(), zoom: zone.map.getZoom() };
  }

  // The sheet has other proportions than the window: the map takes the sheet's size before it is printed, then goes back.
  function startPrinting() {
    var seen = null;
    window.addEventListener('beforeprint', function () {
      seen = { centre: zone.map.getCenter(), zoom: zone.map.getZoom(), bounds: zone.map.getBounds().pad(-0.03) };
      document.body.classList.add('gp-printing');
      zone.map.closePopup();
      fit(seen.bounds);
    });
    window.addEventListener('afterprint', function () {
      document.body.classList.remove('gp-printing');
      zone.map.invalidateSize({ animate: false });
      if (seen) { zone.map.setView(seen.centre, seen.zoom, { animate: false }); }
    });
    document.getElementById('gp-print').addEventListener('click', function () { window.print(); });
  }

  gp.start = function (map, groups) {
    gp.map = map;
    gp.settleWords();
    gp.fillFrame();
    zone = gp.drawZone(map, groups);
    marks = new gp.Marks(zone);
    gp.fillColourChoice();
    gp.fillKeys();
    gp.fillLayers(zone, settle);
    gp.fillSigns();
    gp.fillOverview();
    gp.fillFixes();
    gp.fillParcel(null);
    gp.startNotes();
    gp.setLang(gp.lang);
    wholeZone();
    gp.settleScale(zone);
    marks.addTo(map);
    settle();
    map.on('zoomend', function () {
      if (gp.settleScale(zone)) { gp.settleLayers(zone, gp.view); }
    });
    map.on('click', function (event) {
      var entry = gp.ruling ? null : gp.nearestLine(zone, event.latlng);
      if (entry) { gp.showFeature(entry, gp.data.lines, event.latlng); }
    });
    document.getElementById('gp-whole').addEventListener('click', wholeZone);
    [['.leaflet-control-zoom-in', 'map.nearer'], ['.leaflet-control-zoom-out', 'map.further']].forEach(function (way) {
      var button = map.getContainer().querySelector(way[0]);
      gp.attribute(button, 'aria-label', gp.word(way[1]));
      gp.attribute(button, 'title', gp.word(way[1]));
    });
    // panels and foot change their size with the language; a map that shows the whole zone goes on doing so
    new window.ResizeObserver(function () {
      if (map.getZoom() === whole.zoom && map.getCenter().equals(whole.centre, 1e-6)) {
        wholeZone();
      } else {
        map.invalidateSize({ animate: false, pan: false });
      }
    }).observe(map.getContainer());
    document.addEventListener('keydown', function (event) {
      if (event.key === 'Escape') { map.closePopup(); }
    });
    gp.startList(recolour);
    gp.startTime(function () {
      gp.refilter();
      recolour();
    });
    gp.startRuler(zone);
    gp.startSearch();
    startTabs();
    startPrinting();
    gp.startParts();
  };
}(window.gisplan));
