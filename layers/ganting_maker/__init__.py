"""The maker of the invented zone `layers/ganting` (虚构示例): street grid, parcels, networks, ground, tables."""
