// Keeps a set in step with a file of prefixes, one a line: it reads the file at the start and for each line of its input.
package main

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"log"
	"net/netip"
	"os"
	"strings"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/google/nftables/userdata"
)

// What fits into a message, and what into a transaction: its send buffer cannot be enlarged.
const (
	perMessage     = 500
	perTransaction = 4 * perMessage
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: blocklist FILE")
	}
	nft, err := nftables.New(nftables.AsLasting())
	if err != nil {
		log.Fatal(err)
	}
	bad, err := prepare(nft)
	if err != nil {
		log.Fatal(err)
	}
	lines := bufio.NewScanner(os.Stdin)
	for {
		added, gone, err := follow(nft, bad, os.Args[1])
		if err != nil {
			fmt.Println("not changed:", err)
		} else {
			fmt.Println(added, "new,", gone, "gone")
		}
		if !lines.Scan() {
			return
		}
	}
}

// What is there already stays as it is.
func prepare(nft *nftables.Conn) (*nftables.Set, error) {
	table := nft.AddTable(&nftables.Table{Family: nftables.TableFamilyINet, Name: "blocklist"})
	bad := &nftables.Set{Table: table, Name: "bad", KeyType: nftables.TypeIPAddr, Interval: true}
	if err := nft.AddSet(bad, nil); err != nil {
		return nil, err
	}
	chain := nft.AddChain(&nftables.Chain{
		Table:    table,
		Name:     "input",
		Type:     nftables.ChainTypeFilter,
		Hooknum:  nftables.ChainHookInput,
		Priority: nftables.ChainPriorityRaw,
	})
	if err := nft.Flush(); err != nil {
		return nil, err
	}
	comment := userdata.AppendString(nil, userdata.TypeComment, "blocklist")
	rules, err := nft.GetRules(table, chain)
	if err != nil {
		return nil, err
	}
	for _, rule := range rules {
		if bytes.Equal(rule.UserData, comment) {
			return bad, nil
		}
	}
	nft.AddRule(&nftables.Rule{Table: table, Chain: chain, UserData: comment, Exprs: []expr.Any{
		&expr.Meta{Key: expr.MetaKeyNFPROTO, Register: 1},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{byte(nftables.TableFamilyIPv4)}},
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
		&expr.Lookup{SourceRegister: 1, SetName: bad.Name},
		&expr.Counter{},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}})
	return bad, nft.Flush()
}

// The first address of an interval, and the first behind it.
type interval struct{ first, end uint32 }

func follow(nft *nftables.Conn, bad *nftables.Set, file string) (int, int, error) {
	wanted, err := read(file)
	if err != nil {
		return 0, 0, err
	}
	there, err := listed(nft, bad)
	if err != nil {
		return 0, 0, err
	}
	gone, added := missing(there, wanted), missing(wanted, there)
	if err := change(nft, nft.SetDeleteElements, bad, gone); err != nil {
		return 0, 0, err
	}
	return len(added), len(gone), change(nft, nft.SetAddElements, bad, added)
}

func read(file string) (map[interval]bool, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	intervals := map[interval]bool{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if !strings.Contains(line, "/") {
			line += "/32"
		}
		prefix, err := netip.ParsePrefix(line)
		if err != nil {
			return nil, err
		}
		address := prefix.Masked().Addr().As4()
		first := binary.BigEndian.Uint32(address[:])
		intervals[interval{first, first + 1<<(32-prefix.Bits())}] = true
	}
	return intervals, nil
}

func listed(nft *nftables.Conn, bad *nftables.Set) (map[interval]bool, error) {
	elements, err := nft.GetSetElements(bad)
	if err != nil {
		return nil, err
	}
	intervals := map[interval]bool{}
	// The kernel lists the last one first.
	var end uint32
	for _, element := range elements {
		key := binary.BigEndian.Uint32(element.Key)
		if element.IntervalEnd {
			end = key
		} else {
			intervals[interval{key, end}] = true
		}
	}
	return intervals, nil
}

func missing(from, in map[interval]bool) []interval {
	var found []interval
	for one := range from {
		if !in[one] {
			found = append(found, one)
		}
	}
	return found
}

func change(nft *nftables.Conn, one func(*nftables.Set, []nftables.SetElement) error, bad *nftables.Set, all []interval) error {
	for start := 0; start < len(all); start += perMessage {
		var elements []nftables.SetElement
		for _, interval := range all[start:min(start+perMessage, len(all))] {
			first, end := make([]byte, 4), make([]byte, 4)
			binary.BigEndian.PutUint32(first, interval.first)
			binary.BigEndian.PutUint32(end, interval.end)
			elements = append(elements, nftables.SetElement{Key: first}, nftables.SetElement{Key: end, IntervalEnd: true})
		}
		if err := one(bad, elements); err != nil {
			return err
		}
		if start%perTransaction == perTransaction-perMessage {
			if err := nft.Flush(); err != nil {
				return err
			}
		}
	}
	return nft.Flush()
}
