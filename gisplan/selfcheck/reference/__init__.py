"""The slow judge: the rules of docs/judgement.md written a second time, apart from the engine."""
