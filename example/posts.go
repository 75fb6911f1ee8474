package main

import (
	"net/http"
	"slices"
	"sync"
)

// A Post is an article by a user.
type Post struct {
	ID        string `json:"id"`
	Title     string `json:"title"`
	AuthorID  string `json:"author_id"`
	Published bool   `json:"published"`
}

// Posts stores the posts of one section in memory.
type Posts struct {
	mu    sync.RWMutex
	posts []Post
}

// samplePosts returns a new copy of the guide's posts.
func samplePosts() *Posts {
	return &Posts{posts: []Post{
		{ID: "1", Title: "Post 1", AuthorID: "1", Published: true},
		{ID: "2", Title: "Post 2", AuthorID: "2", Published: true},
		{ID: "3", Title: "Draft", AuthorID: "2", Published: false},
	}}
}

// ByPath returns the post that the request's path names. It is the loader for
// package owner.
func (p *Posts) ByPath(r *http.Request, _ User) (Post, bool, error) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	if i := p.index(r.PathValue("id")); i >= 0 {
		return p.posts[i], true, nil
	}
	return Post{}, false, nil
}

// All returns every post.
func (p *Posts) All() []Post {
	p.mu.RLock()
	defer p.mu.RUnlock()
	return slices.Clone(p.posts)
}

// Update changes a post and returns the changed post. It reports whether the post
// exists.
func (p *Posts) Update(id string, change func(*Post)) (Post, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index(id)
	if i < 0 {
		return Post{}, false
	}
	change(&p.posts[i])
	return p.posts[i], true
}

// Delete removes a post. It reports whether the post existed.
func (p *Posts) Delete(id string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := p.index(id)
	if i < 0 {
		return false
	}
	p.posts = slices.Delete(p.posts, i, i+1)
	return true
}

func (p *Posts) index(id string) int {
	return slices.IndexFunc(p.posts, func(post Post) bool { return post.ID == id })
}
