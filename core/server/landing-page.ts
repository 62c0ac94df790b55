/** The HTML that browsers get at `/`. */
export const PAGE = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>optigate</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:4rem auto;padding:0 1rem}code{background:#8882;padding:.1em .3em}</style></head>
<body><h1>optigate</h1>
<p>This is an OpenAI-compatible inference proxy. Point a client's <code>base_url</code> at <code>/v1</code> of this address.</p>
<p><a href="/health">health</a> · <a href="/ready">ready</a> · <a href="/v1/models">models</a></p></body></html>
`;
