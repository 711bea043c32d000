// A VPN client: all traffic goes to a TUN interface but for what has the mark, and never past it. Everything is taken
// back at the end, whichever that is.
package main

import (
	"errors"
	"fmt"
	"log"
	"math"
	"net"
	"os"
	"os/signal"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

const (
	mark = 51820
	vpn  = 51820
)

// What takes back the steps done so far.
type undo []func() error

func (steps undo) run() error {
	var failed error
	for last := len(steps) - 1; last >= 0; last-- {
		failed = errors.Join(failed, steps[last]())
	}
	return failed
}

func main() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGINT, unix.SIGTERM, unix.SIGHUP)
	attributes := netlink.NewLinkAttrs()
	attributes.Name = "vpn0"
	tunnel := &netlink.Tuntap{
		LinkAttrs:  attributes,
		Mode:       netlink.TUNTAP_MODE_TUN,
		Flags:      netlink.TUNTAP_NO_PI,
		NonPersist: true,
		Queues:     1,
	}
	if err := netlink.LinkAdd(tunnel); err != nil {
		log.Fatal(err)
	}
	var done undo
	err := connect(tunnel, &done)
	if err == nil {
		fmt.Println("connected")
		go read(tunnel.Fds[0])
		<-ended
	}
	if err := errors.Join(err, done.run()); err != nil {
		log.Fatal(err)
	}
}

// A client would encrypt packets and send them with the mark.
func read(device *os.File) {
	packet := make([]byte, 1500)
	for {
		length, err := device.Read(packet)
		if err != nil {
			return
		}
		fmt.Println("a packet of", length, "bytes")
	}
}

func connect(tunnel netlink.Link, done *undo) error {
	for _, text := range []string{"10.8.0.2/24", "fd00:8::2/64"} {
		address, err := netlink.ParseAddr(text)
		if err != nil {
			return err
		}
		if err := netlink.AddrAdd(tunnel, address); err != nil {
			return err
		}
	}
	if err := netlink.LinkSetUp(tunnel); err != nil {
		return err
	}
	for family, all := range map[int]*net.IPNet{
		unix.AF_INET:  {IP: net.IPv4zero.To4(), Mask: net.CIDRMask(0, 32)},
		unix.AF_INET6: {IP: net.IPv6zero, Mask: net.CIDRMask(0, 128)},
	} {
		for _, route := range []*netlink.Route{
			{LinkIndex: tunnel.Attrs().Index, Dst: all, Table: vpn},
			{Type: unix.RTN_UNREACHABLE, Dst: all, Table: vpn, Priority: math.MaxUint32},
		} {
			if err := netlink.RouteAdd(route); err != nil {
				return err
			}
			*done = append(*done, func() error { return netlink.RouteDel(route) })
		}
		// Networks that the host is in stay reachable; its default route does not count.
		known := netlink.NewRule()
		known.Family, known.Table, known.Priority, known.SuppressPrefixlen = family, unix.RT_TABLE_MAIN, 99, 0
		others := netlink.NewRule()
		others.Family, others.Table, others.Priority, others.Mark, others.Invert = family, vpn, 100, mark, true
		for _, rule := range []*netlink.Rule{known, others} {
			if err := netlink.RuleAdd(rule); err != nil {
				return err
			}
			*done = append(*done, func() error { return netlink.RuleDel(rule) })
		}
	}
	return nil
}
