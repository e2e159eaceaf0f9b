"""How the pages look: one small stylesheet within each page, by day and by night, on a screen and on a phone."""

from driftline_server.web.markup import Markup

STYLE = Markup("""<style>
:root { color-scheme: light dark; --back: #fff; --text: #1c1f24; --soft: #5d6673; --line: #dde1e7; --box: #f5f6f8; --link: #1558b0;
  --reference: #9aa5b4; --current: #2f6fde; --detected: #b3261e; --potential: #9a5b00; --fine: #1d7a3c; }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --text: #e6e8eb; --soft: #9aa4b1; --line: #2e343c; --box: #1d2127;
  --link: #8ab4f8; --reference: #6b7683; --current: #6ea0ff; --detected: #ff8a80; --potential: #ffb95c; --fine: #7ddb95; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--back); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main, nav, footer { max-width: 72rem; margin: 0 auto; padding: 0 1rem; }
nav { padding-top: .8rem; color: var(--soft); }
footer { margin-top: 2.5rem; padding-bottom: 2rem; color: var(--soft); font-size: .875rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .6rem 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.125rem; margin: 2rem 0 .5rem; }
p { margin: .4rem 0; }
a { color: var(--link); }
.soft { color: var(--soft); }
.wide { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px; }
table { border-collapse: collapse; width: 100%; font-size: .9375rem; }
th, td { padding: .35rem .75rem; text-align: left; white-space: nowrap; border-top: 1px solid var(--line); vertical-align: top; }
thead th { border-top: 0; background: var(--box); color: var(--soft); font-weight: 600; }
tbody th { font-weight: 600; min-width: 8rem; max-width: 24rem; white-space: normal; overflow-wrap: anywhere; }
td.text { white-space: normal; min-width: 14rem; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
.status { font-weight: 600; white-space: nowrap; }
.detected { color: var(--detected); } .potential { color: var(--potential); } .no_detection { color: var(--fine); }
.insufficient_data { color: var(--soft); }
.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 26rem), 1fr)); gap: 1rem; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 8px; padding: .75rem; }
figcaption { overflow-wrap: anywhere; margin-bottom: .4rem; }
figure table { font-size: .8125rem; line-height: 1.2; }
figure th, figure td { border: 0; padding: .15rem .35rem; }
figure thead th { background: none; }
figure tbody th { font-weight: 400; min-width: 7.5rem; max-width: 9rem; }
figure td.bars { width: 50%; }
svg { display: block; width: 100%; height: 16px; }
.reference { fill: var(--reference); } .current { fill: var(--current); }
.key { display: inline-block; width: .7em; height: .7em; margin: 0 .3em 0 .6em; }
.key.reference { background: var(--reference); } .key.current { background: var(--current); }
pre { background: var(--box); border-radius: 8px; padding: .6rem .75rem; overflow-x: auto; font-size: .875rem; }
</style>""")
