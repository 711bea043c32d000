// A monitor: tells as lines what there is (+), what comes (+) and what goes (-).
package main

import (
	"fmt"
	"log"
	"net"

	"github.com/google/nftables"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	lost := func(err error) { log.Fatal("events were lost: ", err) }
	links, addresses := make(chan netlink.LinkUpdate, 1000), make(chan netlink.AddrUpdate, 1000)
	routes, neighbours := make(chan netlink.RouteUpdate, 1000), make(chan netlink.NeighUpdate, 1000)
	check(netlink.LinkSubscribeWithOptions(links, nil, netlink.LinkSubscribeOptions{
		ErrorCallback: lost, ReceiveBufferSize: 32 << 20, ReceiveBufferForceSize: true,
	}))
	check(netlink.AddrSubscribeWithOptions(addresses, nil, netlink.AddrSubscribeOptions{
		ErrorCallback: lost, ReceiveBufferSize: 32 << 20, ReceiveBufferForceSize: true,
	}))
	check(netlink.RouteSubscribeWithOptions(routes, nil, netlink.RouteSubscribeOptions{
		ErrorCallback: lost, ReceiveBufferSize: 32 << 20, ReceiveBufferForceSize: true,
	}))
	check(netlink.NeighSubscribeWithOptions(neighbours, nil, netlink.NeighSubscribeOptions{
		ErrorCallback: lost, ReceiveBufferSize: 32 << 20, ReceiveBufferForceSize: true,
	}))
	nft, err := nftables.New()
	check(err)
	ruleset, err := nft.AddMonitor(nftables.NewMonitor(nftables.WithMonitorEventBuffer(1000)))
	check(err)

	list(nft)
	fmt.Println("listed")

	for {
		select {
		case link := <-links:
			tellLink(sign(link.Header.Type == unix.RTM_NEWLINK), link.Link)
		case address := <-addresses:
			tellAddress(sign(address.NewAddr), &address.LinkAddress, address.LinkIndex)
		case route := <-routes:
			tellRoute(sign(route.Type == unix.RTM_NEWROUTE), &route.Route)
		case neighbour := <-neighbours:
			tellNeighbour(sign(neighbour.Type == unix.RTM_NEWNEIGH), &neighbour.Neigh)
		case event, open := <-ruleset:
			if !open {
				log.Fatal("the monitor of nftables has ended")
			}
			check(event.Error)
			// Where something has gone while it was listed, another event follows.
			if len(ruleset) == 0 {
				listRuleset(nft)
			}
		}
	}
}

// What there is. Events are collected already, so that nothing is lost between.
func list(nft *nftables.Conn) {
	links, err := netlink.LinkList()
	check(err)
	for _, link := range links {
		tellLink("+", link)
	}
	addresses, err := netlink.AddrList(nil, netlink.FAMILY_ALL)
	check(err)
	for _, address := range addresses {
		tellAddress("+", address.IPNet, address.LinkIndex)
	}
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		routes, err := netlink.RouteListFiltered(family, &netlink.Route{}, netlink.RT_FILTER_TABLE)
		check(err)
		for _, route := range routes {
			tellRoute("+", &route)
		}
		neighbours, err := netlink.NeighList(0, family)
		check(err)
		for _, neighbour := range neighbours {
			tellNeighbour("+", &neighbour)
		}
	}
	check(listRuleset(nft))
}

// What was told of nftables. Events lack the family of rules, the table of sets and the set of elements: they only say when
// to list anew.
var known = map[string]bool{}

func listRuleset(nft *nftables.Conn) error {
	there := map[string]bool{}
	tables, err := nft.ListTables()
	if err != nil {
		return err
	}
	for _, table := range tables {
		there["table "+path(table)] = true
		sets, err := nft.GetSets(table)
		if err != nil {
			return err
		}
		for _, set := range sets {
			there[fmt.Sprintf("set %s %s", path(table), set.Name)] = true
			elements, err := nft.GetSetElements(set)
			if err != nil {
				return err
			}
			for _, element := range elements {
				there[fmt.Sprintf("element %s %s %x", path(table), set.Name, element.Key)] = true
			}
		}
	}
	chains, err := nft.ListChains()
	if err != nil {
		return err
	}
	for _, chain := range chains {
		there[fmt.Sprintf("chain %s %s", path(chain.Table), chain.Name)] = true
		rules, err := nft.GetRules(chain.Table, chain)
		if err != nil {
			return err
		}
		for _, rule := range rules {
			there[fmt.Sprintf("rule %s %s %d", path(chain.Table), chain.Name, rule.Handle)] = true
		}
	}
	tellDifference("-", known, there)
	tellDifference("+", there, known)
	known = there
	return nil
}

func tellDifference(sign string, in, not map[string]bool) {
	for one := range in {
		if !not[one] {
			fmt.Println(sign, one)
		}
	}
}

func sign(there bool) string {
	if there {
		return "+"
	}
	return "-"
}

var names = map[int]string{}

func tellLink(sign string, link netlink.Link) {
	names[link.Attrs().Index] = link.Attrs().Name
	fmt.Println(sign, "link", link.Attrs().Name)
}

// Events of different kinds come by different sockets: the link's may come later.
func name(index int) string {
	if _, known := names[index]; !known {
		if link, err := netlink.LinkByIndex(index); err == nil {
			names[index] = link.Attrs().Name
		} else {
			return "?"
		}
	}
	return names[index]
}

func tellAddress(sign string, address *net.IPNet, link int) {
	fmt.Println(sign, "address", address, "dev", name(link))
}

func tellRoute(sign string, route *netlink.Route) {
	to := "0.0.0.0/0"
	if route.Family == unix.AF_INET6 {
		to = "::/0"
	}
	if route.Dst != nil {
		to = route.Dst.String()
	}
	dev := ""
	if route.LinkIndex != 0 {
		dev = " dev " + name(route.LinkIndex)
	}
	fmt.Printf("%s route %s%s table %d\n", sign, to, dev, route.Table)
}

func tellNeighbour(sign string, neighbour *netlink.Neigh) {
	fmt.Println(sign, "neighbour", neighbour.IP, "dev", name(neighbour.LinkIndex))
}

func path(table *nftables.Table) string {
	families := map[nftables.TableFamily]string{
		nftables.TableFamilyIPv4:   "ip",
		nftables.TableFamilyIPv6:   "ip6",
		nftables.TableFamilyINet:   "inet",
		nftables.TableFamilyARP:    "arp",
		nftables.TableFamilyBridge: "bridge",
		nftables.TableFamilyNetdev: "netdev",
	}
	return families[table.Family] + " " + table.Name
}
