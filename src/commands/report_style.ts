/**
 * The report's style. Its content security policy allows this text by its hash and nothing else: no script, no
 * image, no font, no request.
 */
export const REPORT_STYLE = `
:root { color-scheme: light dark; --ground: #fff; --ink: #1b1f24; --quiet: #57606a; --line: #d0d7de; --card: #f6f8fa;
  --c0: #0969a8; --c1: #a85f00; --c2: #0a7a55; --c3: #a3478a; --c4: #6e7681; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #0d1117; --ink: #e6edf3; --quiet: #9198a1; --line: #30363d; --card: #161b22;
    --c0: #58a6ff; --c1: #e3a04a; --c2: #3fb98a; --c3: #dc8fc5; --c4: #9198a1; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 1.5rem; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; margin: 0; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .25rem; }
p { margin: .25rem 0 .75rem; max-width: 60rem; }
.quiet { color: var(--quiet); overflow-wrap: anywhere; }
.warning { border-left: 4px solid var(--c1); padding-left: .75rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1rem 0; }
dl div { background: var(--card); border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .8rem; }
dt { color: var(--quiet); font-size: .85rem; }
dd { margin: 0; font-size: 1.3rem; font-variant-numeric: tabular-nums; }
.pair { display: grid; grid-template-columns: minmax(0, 4fr) minmax(0, 3fr); gap: 1.25rem; align-items: start; }
@media (max-width: 60rem) { .pair { grid-template-columns: minmax(0, 1fr); } }
figure { margin: 0; }
.plot { width: 100%; height: auto; display: block; }
.grid { stroke: var(--line); stroke-width: 1; }
.tick { fill: var(--quiet); font-size: 12px; }
.name { fill: var(--ink); font-size: 13px; }
.c0 { fill: var(--c0); } .c1 { fill: var(--c1); } .c2 { fill: var(--c2); } .c3 { fill: var(--c3); } .c4 { fill: var(--c4); }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1rem; list-style: none; margin: .25rem 0 0; padding: 0; font-size: .9rem; }
.legend svg { width: .8em; height: .8em; margin-right: .4em; }
.scroll { max-height: 20rem; overflow: auto; border: 1px solid var(--line); border-radius: .5rem; }
.scroll:focus-visible { outline: 2px solid var(--c0); }
table { border-collapse: collapse; width: 100%; font-size: .85rem; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .4rem .6rem; color: var(--quiet); }
th, td { padding: .25rem .45rem; text-align: right; border-top: 1px solid var(--line); white-space: nowrap; }
th:first-child { text-align: left; }
thead th { position: sticky; top: 0; background: var(--card); border-top: 0; font-weight: 600; }
tbody th { font-weight: 400; }
@media print { .scroll { max-height: none; overflow: visible; } }
`;
