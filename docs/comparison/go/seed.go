// An address, a default route, and a firewall that drops one source.
package main

import (
	"log"
	"net"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	eth0, err := netlink.LinkByName("eth0")
	check(err)
	address, err := netlink.ParseAddr("192.168.1.10/24")
	check(err)
	check(netlink.AddrAdd(eth0, address))
	check(netlink.LinkSetUp(eth0))
	check(netlink.RouteAdd(&netlink.Route{LinkIndex: eth0.Attrs().Index, Gw: net.IPv4(192, 168, 1, 1)}))

	nft, err := nftables.New()
	check(err)
	table := nft.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "myFilter"})
	chain := nft.AddChain(&nftables.Chain{
		Table:    table,
		Name:     "myChain",
		Type:     nftables.ChainTypeFilter,
		Hooknum:  nftables.ChainHookInput,
		Priority: nftables.ChainPriorityFilter,
	})
	nft.AddRule(&nftables.Rule{Table: table, Chain: chain, Exprs: []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: net.IPv4(192, 168, 1, 53).To4()},
		&expr.Counter{},
		&expr.Verdict{Kind: expr.VerdictDrop},
	}})
	check(nft.Flush())
}
