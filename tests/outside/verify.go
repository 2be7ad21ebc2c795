// Checks a log folder with programs of others only: Go's own reading of signed notes and tiled logs
// (golang.org/x/mod/sumdb), and its Ed25519. Nothing of Annona is linked in. Every leaf must be signed by the key it names
// and stand under the root; then the headers of each feed must be one chain: no number twice, none left out between two,
// each beginning where the one before it ended. What is the newest of a feed may be missing: no log can show that.
//
//	go run verify.go FOLDER LOG-KEY [WITNESS-KEY…]
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const (
	context   = 16
	feedKey   = context + 32 + 1
	signature = 64
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: verify FOLDER LOG-KEY [WITNESS-KEY...]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, "WRONG:", err)
		os.Exit(1)
	}
}

func run(folder, logKey string, witnessKeys []string) error {
	log, err := note.NewVerifier(logKey)
	if err != nil {
		return err
	}
	verifiers := []note.Verifier{log}
	for _, key := range witnessKeys {
		witness, err := newWitness(key)
		if err != nil {
			return err
		}
		verifiers = append(verifiers, witness)
	}
	text, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	if err != nil {
		return err
	}
	signed, err := note.Open(text, note.VerifierList(verifiers...))
	if err != nil {
		return err
	}
	// note.Open takes a note one key has signed; here every key asked for must have.
	if len(signed.Sigs) != len(verifiers) {
		return fmt.Errorf("%d of %d signatures", len(signed.Sigs), len(verifiers))
	}
	lines := strings.Split(signed.Text, "\n")
	if len(lines) < 3 || lines[0] != log.Name() {
		return errors.New("the checkpoint is not of this log")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil {
		return err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return err
	}
	tree := tlog.Tree{N: size, Hash: root}
	hashes := tlog.TileHashReader(tree, tiles{folder})
	there, chains := map[tlog.Hash]bool{}, feeds{}
	federation := ""
	for at := int64(0); at < size; {
		leaves, err := bundle(folder, at/256, min(256, size-at))
		if err != nil {
			return err
		}
		for _, leaf := range leaves {
			proof, err := tlog.ProveRecord(size, at, hashes)
			if err != nil {
				return err
			}
			if err := tlog.CheckRecord(proof, size, root, at, tlog.RecordHash(leaf)); err != nil {
				return fmt.Errorf("leaf %d: %v", at, err)
			}
			if len(leaf) < feedKey+32+signature {
				return fmt.Errorf("leaf %d is too short", at)
			}
			message, sig := leaf[:len(leaf)-signature], leaf[len(leaf)-signature:]
			if !ed25519.Verify(ed25519.PublicKey(leaf[feedKey:feedKey+32]), message, sig) {
				return fmt.Errorf("leaf %d: the header's signature does not verify", at)
			}
			if string(leaf[:context]) != "annona1 header  " {
				return fmt.Errorf("leaf %d was not signed as a header", at)
			}
			if hash := tlog.RecordHash(leaf); there[hash] {
				return fmt.Errorf("leaf %d stands in the log twice", at)
			} else {
				there[hash] = true
			}
			if whose := string(leaf[context : context+32]); federation == "" {
				federation = whose
			} else if whose != federation {
				return errors.New("there are leaves of several federations")
			}
			if err := chains.add(leaf); err != nil {
				return fmt.Errorf("leaf %d: %v", at, err)
			}
			at++
		}
	}
	if err := chains.check(); err != nil {
		return err
	}
	fmt.Printf("good: %d headers, %d signatures on the checkpoint\n", size, len(signed.Sigs))
	return nil
}

// place is where a feed stands: how many entries it has, and the name of the last.
type place struct {
	next uint64
	name string
}

// span is one block's place in its feed.
type span struct{ start, end place }

// feeds holds, for each feed, the blocks of each number.
type feeds map[string]map[uint64][]span

// add reads a header as far as the chain asks: version, number, first entry, how many, and the feed's name before and after.
func (f feeds) add(leaf []byte) error {
	feed := string(leaf[context+32 : context+32+36])
	rest := leaf[context+32+36 : len(leaf)-signature]
	if len(rest) < 1 || rest[0] != 1 {
		return errors.New("a header of another version")
	}
	rest = rest[1:]
	var numbers [3]uint64
	for i := range numbers {
		number, length := binary.Uvarint(rest)
		// The shortest spelling only: the same number in more bytes would be another header.
		if length <= 0 || (length > 1 && rest[length-1] == 0) {
			return errors.New("a number of the header is not spelled as it must be")
		}
		numbers[i], rest = number, rest[length:]
	}
	if len(rest) < 64 {
		return errors.New("the header is cut off")
	}
	seq, first, count := numbers[0], numbers[1], numbers[2]
	if f[feed] == nil {
		f[feed] = map[uint64][]span{}
	}
	here := span{place{first, string(rest[:32])}, place{first + count, string(rest[32:64])}}
	f[feed][seq] = append(f[feed][seq], here)
	return nil
}

// check walks every feed from the first block that the log has of it.
func (f feeds) check() error {
	var wrong []string
	for feed, blocks := range f {
		name := fmt.Sprintf("%x", feed[1:9])
		var numbers []uint64
		for seq := range blocks {
			numbers = append(numbers, seq)
		}
		sort.Slice(numbers, func(a, b int) bool { return numbers[a] < numbers[b] })
		for i, seq := range numbers {
			if len(blocks[seq]) > 1 {
				wrong = append(wrong, fmt.Sprintf("feed %s has forked: %d blocks %d", name, len(blocks[seq]), seq))
			}
			if i == 0 {
				continue
			}
			last := numbers[i-1]
			if last+1 != seq {
				wrong = append(wrong, fmt.Sprintf("feed %s: blocks between %d and %d are left out", name, last, seq))
				continue
			}
			for _, block := range blocks[seq] {
				follows := false
				for _, before := range blocks[last] {
					follows = follows || before.end == block.start
				}
				if !follows {
					wrong = append(wrong, fmt.Sprintf("feed %s: block %d does not continue the one before it", name, seq))
				}
			}
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	sort.Strings(wrong)
	return errors.New(strings.Join(wrong, "; "))
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

// tiles reads hash tiles where C2SP tlog-tiles puts them.
type tiles struct{ folder string }

func (t tiles) Height() int { return 8 }

func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}

func (t tiles) ReadTiles(wanted []tlog.Tile) ([][]byte, error) {
	read := make([][]byte, len(wanted))
	for i, tile := range wanted {
		// x/mod writes the height into the path, tile/8/L/N; C2SP leaves it out, since it is always eight.
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		bytes, err := os.ReadFile(filepath.Join(t.folder, path))
		if err != nil {
			return nil, err
		}
		read[i] = bytes
	}
	return read, nil
}

func bundle(folder string, number, count int64) ([][]byte, error) {
	tile := tlog.Tile{H: 8, L: 0, N: number, W: int(count)}
	path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
	rest, err := os.ReadFile(filepath.Join(folder, path))
	if err != nil {
		return nil, err
	}
	var leaves [][]byte
	for len(rest) > 0 {
		if len(rest) < 2 {
			return nil, errors.New("an entry bundle is cut off")
		}
		length := int(binary.BigEndian.Uint16(rest))
		if len(rest) < 2+length {
			return nil, errors.New("an entry bundle is cut off")
		}
		leaves = append(leaves, rest[2:2+length])
		rest = rest[2+length:]
	}
	if int64(len(leaves)) != count {
		return nil, fmt.Errorf("%d leaves in a bundle of %d", len(leaves), count)
	}
	return leaves, nil
}

// witness checks cosignature/v1 lines, for which x/mod has no verifier of its own.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newWitness(text string) (note.Verifier, error) {
	parts := strings.SplitN(text, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("no key of a witness")
	}
	bytes, err := base64.StdEncoding.DecodeString(parts[2])
	if err != nil || len(bytes) != 33 || bytes[0] != 4 {
		return nil, errors.New("no key of a witness")
	}
	id := sha256.Sum256(append([]byte(parts[0]+"\n"), bytes...))
	hash := binary.BigEndian.Uint32(id[:])
	if fmt.Sprintf("%08x", hash) != parts[1] {
		return nil, errors.New("the key's id is not its own")
	}
	return &witness{parts[0], hash, bytes[1:]}, nil
}

func (w *witness) Name() string    { return w.name }
func (w *witness) KeyHash() uint32 { return w.hash }

func (w *witness) Verify(text, sig []byte) bool {
	if len(sig) != 8+64 {
		return false
	}
	time := binary.BigEndian.Uint64(sig)
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", time, text)
	return ed25519.Verify(w.key, []byte(message), sig[8:])
}
