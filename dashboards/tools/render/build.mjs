// Bundles render.jsx for a browser. The CommonJS builds of Grafana's packages are used, because the
// default imports of the other ones break outside of Grafana's own bundler.
import { createRequire } from 'node:module';
import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import esbuild from 'esbuild';

const require = createRequire(import.meta.url);
const commonJs = {
  name: 'commonjs',
  setup(build) {
    build.onResolve({ filter: /^@grafana\// }, ({ path }) => ({ path: require.resolve(path) }));
  },
};

await esbuild.build({
  entryPoints: ['render.jsx'],
  outfile: 'out/render.js',
  bundle: true,
  minify: true,
  format: 'iife',
  jsx: 'automatic',
  plugins: [commonJs],
  loader: { '.svg': 'dataurl', '.ttf': 'dataurl', '.woff2': 'dataurl' },
  define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
  logLevel: 'error',
});

// Where Grafana's components look for their icons.
const ui = dirname(dirname(dirname(require.resolve('@grafana/ui'))));
mkdirSync('out/public/build', { recursive: true });
cpSync(join(ui, 'dist', 'public', 'img'), 'out/public/build/img', { recursive: true });
