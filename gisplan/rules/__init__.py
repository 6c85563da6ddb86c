"""The rules: profiles (核查口径) with services, conditions and limits, and the measures they may use."""
