"""The look of the report: one column of text that reads well on a screen and on paper."""

CSS = """
:root { color-scheme: light; }
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 60rem; padding: 2.5rem 1.5rem 4rem; background: #fff; color: #1c1c1c;
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", "Liberation Sans", Helvetica, Arial, sans-serif;
}
header { border-bottom: 2px solid #0072B2; margin-bottom: 1.5rem; padding-bottom: .75rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
p { margin: .5rem 0; max-width: 44rem; overflow-wrap: anywhere; }
.quiet { color: #555; }
header p { max-width: none; }
.verdict { border-left: 4px solid #0072B2; background: #f2f7fb; padding: .7rem 1rem; max-width: none; }
.verdict { white-space: pre-line; }
.wide { overflow-x: auto; margin: .9rem 0; }
table { border-collapse: collapse; font-size: .92rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; color: #555; padding-bottom: .35rem; caption-side: top; }
th, td { padding: .3rem .9rem .3rem 0; text-align: left; vertical-align: top; border-bottom: 1px solid #e4e4e4; }
thead th { border-bottom: 1.5px solid #888; font-weight: 600; }
tbody th { font-weight: 400; overflow-wrap: break-word; min-width: 9rem; max-width: 20rem; }
th.number, td.number { text-align: right; padding: .3rem .9rem; }
tr.marked th, tr.marked td { font-weight: 600; background: #f2f7fb; }
strong.best { border-bottom: 2px solid #0072B2; }
.figures { display: flex; flex-wrap: wrap; gap: 1rem 2rem; align-items: flex-start; margin: 1rem 0; }
figure { margin: 0; flex: 0 1 27rem; max-width: 100%; }
figure.broad { flex-basis: 100%; }
figure img { max-width: 100%; height: auto; display: block; }
figcaption { color: #555; font-size: .88rem; line-height: 1.4; margin-top: .3rem; overflow-wrap: anywhere; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; font-size: .92rem; margin: .6rem 0; }
dt { color: #555; }
dd { margin: 0; overflow-wrap: anywhere; }
.columns { display: flex; flex-wrap: wrap; gap: 0 3.5rem; align-items: flex-start; }
ul { max-width: 44rem; padding-left: 1.2rem; }
pre {
  background: #f5f5f5; padding: .7rem 1rem; font-size: .86rem; white-space: pre-wrap; overflow-wrap: anywhere;
  font-family: ui-monospace, "SF Mono", Menlo, Consolas, "Liberation Mono", monospace;
}
details summary { cursor: pointer; color: #0072B2; margin: .6rem 0; }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; } dd { margin-bottom: .4rem; } }
@media print {
  @page { margin: 18mm; }
  body { padding: 0; max-width: none; font-size: 10.5pt; }
  h2, h3 { break-after: avoid; }
  .wide { overflow-x: visible; }
  table { font-size: 8.5pt; }
  th.number, td.number { padding: .3rem .4rem; }
  figure, tr, .verdict { break-inside: avoid; }
  figure { flex-basis: 45%; }
  figure.broad { flex-basis: 100%; }
}
"""
