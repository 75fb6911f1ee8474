package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// A group is a part of the sidebar: its pages are names of docs/ without ".md".
type group struct {
	Text  string
	Pages []string
}

// An item is one entry of VitePress's sidebar.
type item struct {
	Text      string `json:"text"`
	Link      string `json:"link,omitempty"`
	Collapsed *bool  `json:"collapsed,omitempty"`
	Items     []item `json:"items,omitempty"`
}

// stage writes the pages and the sidebar into folder.
func stage(root, folder string, packages []*pkg) error {
	s := &staging{root: root, folder: filepath.Join(folder, "pages"), pages: map[string]string{
		"README.md":      "/overview",
		"docs/README.md": "/docs/",
	}}
	docs, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		return err
	}
	for _, p := range docs {
		if name := filepath.Base(p); name != "README.md" {
			s.pages["docs/"+name] = "/docs/" + strings.TrimSuffix(name, ".md")
		}
	}
	for _, p := range packages {
		s.pages[p.rel] = p.link()
		s.pages[path.Join(p.rel, "doc.go")] = p.link()
	}

	groups, err := readGroups(root)
	if err != nil {
		return err
	}
	titles := map[string]string{}
	for source, link := range s.pages {
		if strings.HasSuffix(source, ".md") {
			titles[link] = s.markdown(source, link)
		}
	}
	sidebar, missing := sidebarOf(groups, titles)
	s.errs = append(s.errs, missing)
	for _, p := range packages {
		text, err := p.markdown(packages)
		s.errs = append(s.errs, err)
		s.write(p.link(), text)
	}
	s.write("/pkg/", indexOf(packages))
	s.write("/", s.home(groups, titles))
	text, err := json.Marshal(map[string][]item{"/": sidebar, "/pkg/": packageItems(packages)})
	if err != nil {
		return err
	}
	return errors.Join(errors.Join(s.errs...), os.WriteFile(filepath.Join(folder, "sidebar.json"), text, 0o666))
}

func readGroups(root string) (groups []group, err error) {
	text, err := os.ReadFile(filepath.Join(root, "docs/.vitepress/groups.json"))
	if err != nil {
		return nil, err
	}
	return groups, json.Unmarshal(text, &groups)
}

// sidebarOf reports pages that are in no group, in two, or do not exist.
func sidebarOf(groups []group, titles map[string]string) ([]item, error) {
	sidebar := []item{{Text: "guard", Items: []item{
		{Text: "Overview", Link: "/overview"},
		{Text: titles["/docs/"], Link: "/docs/"},
	}}}
	var errs []error
	seen := map[string]bool{"/overview": true, "/docs/": true}
	for _, g := range groups {
		part := item{Text: g.Text, Collapsed: new(bool)}
		for _, name := range g.Pages {
			link := "/docs/" + name
			if titles[link] == "" || seen[link] {
				errs = append(errs, fmt.Errorf("docs/.vitepress/groups.json has %s, which does not exist or is there twice", name))
			}
			seen[link] = true
			part.Items = append(part.Items, item{Text: titles[link], Link: link})
		}
		sidebar = append(sidebar, part)
	}
	for link := range titles {
		if !seen[link] {
			errs = append(errs, fmt.Errorf("%s.md is in no group of docs/.vitepress/groups.json", link[1:]))
		}
	}
	return sidebar, errors.Join(errs...)
}

// staging writes pages, and collects what is wrong with them.
type staging struct {
	root, folder string
	pages        map[string]string // link of a page, by its file or folder in the repository
	errs         []error
}

// markdown writes a page of the repository, and returns its title.
func (s *staging) markdown(source, link string) (title string) {
	text, err := os.ReadFile(filepath.Join(s.root, source))
	if err != nil {
		s.errs = append(s.errs, err)
		return ""
	}
	first, _, _ := strings.Cut(string(text), "\n")
	title, found := strings.CutPrefix(first, "# ")
	if !found {
		s.errs = append(s.errs, fmt.Errorf("%s: the first line is no title", source))
	}
	s.write(link, s.rewrite(source, string(text)))
	return title
}

func (s *staging) write(link, text string) {
	if strings.HasSuffix(link, "/") {
		link += "index"
	}
	s.errs = append(s.errs, writeFile(filepath.Join(s.folder, link+".md"), []byte(text)))
}

func writeFile(name string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(name), 0o777); err != nil {
		return err
	}
	return os.WriteFile(name, text, 0o666)
}

// home is the first page: the beginning of README.md, and a card for each group.
func (s *staging) home(groups []group, titles map[string]string) string {
	text, err := os.ReadFile(filepath.Join(s.root, "README.md"))
	if err != nil {
		s.errs = append(s.errs, err)
	}
	beginning, _, found := strings.Cut(string(text), "\n## ")
	parts := strings.SplitN(beginning, "\n\n", 3) // the title, a sentence, the first example
	if !found || len(parts) < 3 {
		s.errs = append(s.errs, errors.New("README.md: want a title, a sentence and an example before the first section"))
		return ""
	}
	type object = map[string]any
	cards := []object{}
	for _, g := range groups {
		var names []string
		for _, name := range g.Pages {
			names = append(names, titles["/docs/"+name])
		}
		cards = append(cards, object{"title": g.Text, "details": strings.Join(names, " · "), "link": "/docs/" + g.Pages[0]})
	}
	front, err := json.MarshalIndent(object{ // which is YAML, too
		"layout":   "home",
		"hero":     object{"name": "guard", "tagline": strings.Join(strings.Fields(strings.ReplaceAll(parts[1], "`", "")), " "), "actions": []object{{"text": "Tasks", "link": "/docs/"}, {"text": "Overview", "link": "/overview", "theme": "alt"}, {"text": "Packages", "link": "/pkg/", "theme": "alt"}}},
		"features": cards,
	}, "", " ")
	s.errs = append(s.errs, err)
	return fmt.Sprintf("---\n%s\n---\n\n## The first example\n\n%s\n", front, s.rewrite("README.md", parts[2]))
}
