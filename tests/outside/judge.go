// Judges claims about a log with the Go project's own packages for transparency logs and notes.
package main

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type claim struct {
	Kind, Root, Entry, Note     string
	Index, Size, Old, New       int64
	OldRoot                     string `json:"old_root"`
	NewRoot                     string `json:"new_root"`
	Proof                       []string
	Changed                     map[string]string
}

type told struct {
	Vkey, Origin, Root, Tiles string
	Size                      int64
	Cases                     []claim
}

func raw(text string) []byte {
	data, err := hex.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return data
}

func hash(text string) (h tlog.Hash) {
	copy(h[:], raw(text))
	return h
}

func hashes(texts []string) (found []tlog.Hash) {
	for _, text := range texts {
		found = append(found, hash(text))
	}
	return found
}

// reader gives tiles of height 8 from a folder, some of them replaced.
type reader struct {
	folder  string
	changed map[string]string
}

func (r reader) Height() int { return 8 }

func (r reader) SaveTiles([]tlog.Tile, [][]byte) {}

func (r reader) ReadTiles(tiles []tlog.Tile) (found [][]byte, err error) {
	for _, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		if other, is := r.changed[path]; is {
			found = append(found, raw(other))
			continue
		}
		data, err := os.ReadFile(filepath.Join(r.folder, path))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func noteHolds(log told, text string) bool {
	verifier, err := note.NewVerifier(log.Vkey)
	if err != nil {
		panic(err)
	}
	opened, err := note.Open([]byte(text), note.VerifierList(verifier))
	if err != nil {
		return false
	}
	lines := strings.Split(opened.Text, "\n")
	if len(lines) != 4 || lines[0] != log.Origin {
		return false
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	root, wrong := base64.StdEncoding.DecodeString(lines[2])
	return err == nil && wrong == nil && size == log.Size && hex.EncodeToString(root) == log.Root
}

func tileHolds(log told, one claim) bool {
	tree := tlog.Tree{N: log.Size, Hash: hash(log.Root)}
	through := tlog.TileHashReader(tree, reader{log.Tiles, one.Changed})
	found, err := through.ReadHashes([]int64{tlog.StoredHashIndex(0, one.Index)})
	if err != nil || found[0] != tlog.RecordHash(raw(one.Entry)) {
		return false
	}
	proof, err := tlog.ProveRecord(log.Size, one.Index, through)
	return err == nil && tlog.CheckRecord(proof, log.Size, tree.Hash, one.Index, found[0]) == nil
}

func holds(log told, one claim) bool {
	switch one.Kind {
	case "inclusion":
		leaf := tlog.RecordHash(raw(one.Entry))
		return tlog.CheckRecord(hashes(one.Proof), one.Size, hash(one.Root), one.Index, leaf) == nil
	case "consistency":
		return tlog.CheckTree(hashes(one.Proof), one.New, hash(one.NewRoot), one.Old, hash(one.OldRoot)) == nil
	case "note":
		return noteHolds(log, one.Note)
	case "tile":
		return tileHolds(log, one)
	}
	panic(one.Kind)
}

func main() {
	data, err := os.ReadFile(os.Args[1])
	if err != nil {
		panic(err)
	}
	var log told
	if err := json.Unmarshal(data, &log); err != nil {
		panic(err)
	}
	var said []bool
	for _, one := range log.Cases {
		said = append(said, holds(log, one))
	}
	out, _ := json.Marshal(map[string]any{"said": said})
	fmt.Println(string(out))
}
