"""How the page looks: light and dark, on a phone, on a screen and on paper."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #59636e; --paper: #ffffff; --tile: #f3f5f7; --rule: #d5dae0;
  --wrong: #fbdcd7; --missing: #d8e9fb; --extra: #f3dff7; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaed; --soft: #a3acb6; --paper: #15181c; --tile: #20252b;
  --rule: #39414a; --wrong: #6b2a20; --missing: #1d4468; --extra: #573163; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 68rem; background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: 0.5rem 0 0; }
h2 { font-size: 1.25rem; margin: 2.2rem 0 0.6rem; padding-bottom: 0.2rem; border-bottom: 1px solid var(--rule); }
h3 { font-size: 1rem; margin: 1.4rem 0 0.2rem; }
p { margin: 0.3rem 0; max-width: 44rem; }
.note { color: var(--soft); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(10rem, 1fr)); gap: 0.7rem; margin: 1.2rem 0; }
.tile { background: var(--tile); border-radius: 0.5rem; padding: 0.7rem 0.9rem; }
.tile strong { display: block; font-size: 1.2rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
.tile span { display: block; color: var(--soft); font-size: 0.85rem; line-height: 1.35; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 22rem), 1fr)); gap: 1rem; }
.figures svg { display: block; width: 100%; max-width: 32.5rem; height: auto; stroke-linejoin: round; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.2rem 1rem 0.2rem 0; text-align: left; border-bottom: 1px solid var(--rule); vertical-align: top; }
.numbers th, .numbers td { text-align: right; white-space: nowrap; }
.numbers th:first-child { text-align: left; }
tbody th { font-weight: normal; color: var(--soft); }
.facts td { overflow-wrap: anywhere; }
.cards { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 19rem), 1fr)); gap: 0 2rem; }
summary { cursor: pointer; margin: 1rem 0 0.4rem; }
.aligned { display: flex; flex-wrap: wrap; align-items: flex-start; gap: 0.15rem 0.1rem; margin: 0.1rem 0 0.5rem; }
.pair { display: flex; flex-direction: column; max-width: 100%; padding: 0 0.25rem; border-radius: 0.25rem;
  line-height: 1.35; overflow-wrap: anywhere; }
.pair:not(.S, .D, .I) span:first-child { color: var(--soft); }
.pair.S { background: var(--wrong); } .pair.D { background: var(--missing); } .pair.I { background: var(--extra); }
.pair abbr { font-size: 0.7rem; font-weight: bold; text-decoration: none; }
.id { font-size: 0.85rem; color: var(--soft); margin: 0.3rem 0 0; }
.card { margin-bottom: 0.5rem; } .card > strong { font-size: 0.95rem; }
footer { margin: 3rem 0 1rem; font-size: 0.85rem; color: var(--soft); }
@media print { body { max-width: none; padding: 0; font-size: 10pt; }
  .figures { grid-template-columns: 1fr 1fr; } h2, h3, .id { break-after: avoid; }
  .tile, svg, .card, tr { break-inside: avoid; } .tile, .pair.S, .pair.D, .pair.I { border: 1px solid #888; } }
"""
