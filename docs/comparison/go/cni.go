// A CNI plugin: a pair of veths into a bridge, an address and a default route, masquerading and forwarded ports.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

type config struct {
	Bridge        string `json:"bridge"`
	Gateway       string `json:"gateway"`
	Address       string `json:"address"`
	RuntimeConfig struct {
		PortMappings []portMapping `json:"portMappings"`
	} `json:"runtimeConfig"`
}

type portMapping struct {
	HostPort      uint16 `json:"hostPort"`
	ContainerPort uint16 `json:"containerPort"`
	Protocol      string `json:"protocol"`
}

type object map[string]any

func main() {
	if err := run(); err != nil {
		json.NewEncoder(os.Stdout).Encode(object{"cniVersion": "1.0.0", "code": 100, "msg": err.Error()})
		os.Exit(1)
	}
}

func run() error {
	var config config
	if err := json.NewDecoder(os.Stdin).Decode(&config); err != nil {
		return err
	}
	id := os.Getenv("CNI_CONTAINERID")
	switch command := os.Getenv("CNI_COMMAND"); command {
	case "ADD":
		return add(&config, id)
	case "DEL":
		return del(id)
	default:
		return fmt.Errorf("%s is not a command", command)
	}
}

// The end of the container's pair of veths on the host.
func vethName(id string) string {
	return fmt.Sprintf("veth%.11s", id)
}

func bridgeOf(config *config) (netlink.Link, error) {
	gateway, err := netlink.ParseAddr(config.Gateway)
	if err != nil {
		return nil, err
	}
	bridge, err := netlink.LinkByName(config.Bridge)
	if errors.As(err, &netlink.LinkNotFoundError{}) {
		attributes := netlink.NewLinkAttrs()
		attributes.Name = config.Bridge
		// Its own, for it would change with the ports otherwise.
		attributes.HardwareAddr = append(net.HardwareAddr{2, 0}, gateway.IP.To4()...)
		bridge = &netlink.Bridge{LinkAttrs: attributes}
		err = netlink.LinkAdd(bridge)
	}
	if err != nil {
		return nil, err
	}
	if err := netlink.AddrReplace(bridge, gateway); err != nil {
		return nil, err
	}
	return bridge, netlink.LinkSetUp(bridge)
}

func add(config *config, id string) error {
	path, name := os.Getenv("CNI_NETNS"), os.Getenv("CNI_IFNAME")
	bridge, err := bridgeOf(config)
	if err != nil {
		return err
	}
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0); err != nil {
		return err
	}
	namespace, err := netns.GetFromPath(path)
	if err != nil {
		return err
	}
	defer namespace.Close()
	attributes := netlink.NewLinkAttrs()
	attributes.Name = vethName(id)
	attributes.MasterIndex = bridge.Attrs().Index
	attributes.Flags = net.FlagUp
	veth := &netlink.Veth{LinkAttrs: attributes, PeerName: name, PeerNamespace: netlink.NsFd(namespace)}
	if err := netlink.LinkAdd(veth); err != nil {
		return err
	}
	// Whatever fails takes the pair back, and with it all that is inside.
	if err := configure(config, id, namespace, name); err != nil {
		return errors.Join(err, netlink.LinkDel(veth))
	}

	gateway, _, _ := net.ParseCIDR(config.Gateway)
	return json.NewEncoder(os.Stdout).Encode(object{
		"cniVersion": "1.0.0",
		"interfaces": []object{{"name": name, "sandbox": path}},
		"ips":        []object{{"address": config.Address, "gateway": gateway, "interface": 0}},
	})
}

func configure(config *config, id string, namespace netns.NsHandle, name string) error {
	container, err := netlink.NewHandleAt(namespace)
	if err != nil {
		return err
	}
	defer container.Close()
	eth0, err := container.LinkByName(name)
	if err != nil {
		return err
	}
	address, err := netlink.ParseAddr(config.Address)
	if err != nil {
		return err
	}
	if err := container.AddrAdd(eth0, address); err != nil {
		return err
	}
	if err := container.LinkSetUp(eth0); err != nil {
		return err
	}
	gateway, _, err := net.ParseCIDR(config.Gateway)
	if err != nil {
		return err
	}
	if err := container.RouteAdd(&netlink.Route{LinkIndex: eth0.Attrs().Index, Gw: gateway}); err != nil {
		return err
	}
	return firewall(config, id, address.IP.To4())
}

func firewall(config *config, id string, address net.IP) error {
	nft, err := nftables.New()
	if err != nil {
		return err
	}
	table := nft.CreateTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "cni-" + id})
	prerouting := nft.AddChain(&nftables.Chain{
		Table:    table,
		Name:     "prerouting",
		Type:     nftables.ChainTypeNAT,
		Hooknum:  nftables.ChainHookPrerouting,
		Priority: nftables.ChainPriorityNATDest,
	})
	postrouting := nft.AddChain(&nftables.Chain{
		Table:    table,
		Name:     "postrouting",
		Type:     nftables.ChainTypeNAT,
		Hooknum:  nftables.ChainHookPostrouting,
		Priority: nftables.ChainPriorityNATSource,
	})
	for _, mapping := range config.RuntimeConfig.PortMappings {
		protocols := map[string]byte{"tcp": unix.IPPROTO_TCP, "udp": unix.IPPROTO_UDP}
		protocol, known := protocols[mapping.Protocol]
		if !known {
			return fmt.Errorf("%s has no ports to forward", mapping.Protocol)
		}
		nft.AddRule(&nftables.Rule{Table: table, Chain: prerouting, Exprs: []expr.Any{
			&expr.Fib{Register: 1, ResultADDRTYPE: true, FlagDADDR: true},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.NativeEndian.PutUint32(unix.RTN_LOCAL)},
			&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: 1},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: []byte{protocol}},
			&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
			&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: binaryutil.BigEndian.PutUint16(mapping.HostPort)},
			&expr.Immediate{Register: 1, Data: address},
			&expr.Immediate{Register: 2, Data: binaryutil.BigEndian.PutUint16(mapping.ContainerPort)},
			&expr.NAT{Type: expr.NATTypeDestNAT, Family: unix.NFPROTO_IPV4, RegAddrMin: 1, RegProtoMin: 2},
		}})
	}
	bridge := make([]byte, unix.IFNAMSIZ)
	copy(bridge, config.Bridge)
	nft.AddRule(&nftables.Rule{Table: table, Chain: postrouting, Exprs: []expr.Any{
		&expr.Payload{DestRegister: 1, Base: expr.PayloadBaseNetworkHeader, Offset: 12, Len: 4},
		&expr.Cmp{Op: expr.CmpOpEq, Register: 1, Data: address},
		&expr.Meta{Key: expr.MetaKeyOIFNAME, Register: 1},
		&expr.Cmp{Op: expr.CmpOpNeq, Register: 1, Data: bridge},
		&expr.Masq{},
	}})
	return nft.Flush()
}

func del(id string) error {
	veth, err := netlink.LinkByName(vethName(id))
	if err == nil {
		err = netlink.LinkDel(veth)
	}
	if err != nil && !errors.As(err, &netlink.LinkNotFoundError{}) {
		return err
	}
	nft, err := nftables.New()
	if err != nil {
		return err
	}
	// There is no "destroy": what is added first can be deleted.
	nft.DelTable(nft.AddTable(&nftables.Table{Family: nftables.TableFamilyIPv4, Name: "cni-" + id}))
	return nft.Flush()
}
