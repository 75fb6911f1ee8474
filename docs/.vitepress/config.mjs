// The site. .ci/site stages its pages in the folder GUARD_SITE, and builds it there.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineConfig } from 'vitepress'

const folder = process.env.GUARD_SITE
if (!folder) throw new Error('GUARD_SITE is not set: run .ci/site FOLDER')
const repository = 'https://github.com/go-guard/guard'

// slugify makes the anchors that GitHub makes: both render the same pages.
const slugify = (title) => title.trim().toLowerCase().replace(/[^\p{L}\p{N}\p{M}\p{Pc}\- ]/gu, '').replaceAll(' ', '-')

export default defineConfig({
  title: 'guard',
  description: 'Authentication and authorization for net/http in Go',
  lang: 'en',
  srcDir: join(folder, 'pages'),
  outDir: join(folder, 'html'),
  cacheDir: join(folder, 'cache'),
  ignoreDeadLinks: 'localhostLinks', // of the programs that the pages run
  head: [['link', { rel: 'icon', href: 'data:,' }]],
  vite: { build: { chunkSizeWarningLimit: 2000 } }, // the search has an index of that size, which loads when it opens
  markdown: {
    anchor: { slugify },
    config(md) {
      const text = md.renderer.rules.text
      md.renderer.rules.text = (...args) => text(...args).replaceAll('{{', '&#123;&#123;') // Vue would evaluate it
    },
  },
  themeConfig: {
    nav: [
      { text: 'Overview', link: '/overview' },
      { text: 'Tasks', link: '/docs/', activeMatch: '^/docs/' },
      { text: 'Packages', link: '/pkg/', activeMatch: '^/pkg/' },
    ],
    sidebar: JSON.parse(readFileSync(join(folder, 'sidebar.json'), 'utf8')),
    outline: [2, 3],
    search: {
      provider: 'local',
      options: {
        miniSearch: {
          // A page of docs/ explains: it comes before the reference of a package.
          searchOptions: { boostDocument: (id) => (id.startsWith('/pkg/') ? 0.6 : 1) },
        },
      },
    },
    socialLinks: [{ icon: 'github', link: repository }],
  },
})
