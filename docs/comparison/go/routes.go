// A thousand routes by goroutines, and what became of each.
package main

import (
	"fmt"
	"log"
	"net"
	"sync"
	"sync/atomic"

	"github.com/vishvananda/netlink"
)

func main() {
	eth0, err := netlink.LinkByName("eth0")
	if err != nil {
		log.Fatal(err)
	}
	numbers := make(chan int)
	var added atomic.Int32
	var workers sync.WaitGroup
	for range 20 {
		workers.Go(func() {
			for number := range numbers {
				to := &net.IPNet{IP: net.IPv4(10, 0, byte(number>>8), byte(number)), Mask: net.CIDRMask(32, 32)}
				route := &netlink.Route{LinkIndex: eth0.Attrs().Index, Scope: netlink.SCOPE_LINK, Dst: to}
				if err := netlink.RouteAdd(route); err != nil {
					fmt.Printf("%s: %s\n", to, err)
				} else {
					added.Add(1)
				}
			}
		})
	}
	for number := range 1000 {
		numbers <- number
	}
	close(numbers)
	workers.Wait()
	fmt.Println(added.Load(), "added")
}
