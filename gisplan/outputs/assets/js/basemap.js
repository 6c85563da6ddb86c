// What lies beneath the parcels, where the planner asked for it.
(function (gp) {
  'use strict';

  var L = window.L;
  var base = gp.data.base;

  gp.layBase = function (zone) {
    zone.base = null;
    if (!base) { return; }
    zone.base = L.layerGroup(base.tiles.map(function (address) {
      return L.tileLayer(address, { pane: 'gp-base', maxZoom: 22, maxNativeZoom: 18 });
    }));
    if (base.image) {
      var at = base.bounds;
      zone.base.addLayer(L.imageOverlay(base.image, [[at[0], at[1]], [at[2], at[3]]], { pane: 'gp-base' }));
    }
    zone.otherOn.base = true;
    zone.groups.base = zone.base;
    zone.base.addTo(zone.map);
  };
}(window.gisplan));
