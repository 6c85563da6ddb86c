"""What a check writes into its folder, in the order in which it is written."""

RESULTS = (
    "review.xlsx", "review.gpkg", "readiness.csv", "findings.csv", "issues.csv", "faults.csv", "land.csv",
    "land_findings.csv", "factory_buildings.csv", "ledger.csv", "holders.csv", "earthwork.csv", "due.csv",
    "limits.csv", "gaps.geojson", "review.html", "run.json",
)  # fmt: skip
