// Harness is what surrounds the contestants of the bench: a metadata service
// and its clients, each one thread over epoll, so that neither is what is
// measured.
//
//	harness serve ADDRESS:PORT DELAY close|keep
//	harness load [flags] ADDRESS:PORT...
//
// The service answers as EC2's does: the delay after the request, with its
// header fields, and it closes each connection unless told to keep them.
// `load` prints one result in JSON for each address; its flags say how it asks.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// What is asked for: a region, or an identity document; the latter is served with 600 bytes.
const (
	region   = "us-east-1"
	emulated = "us-iso-east-1"
	document = `{
  "accountId": "123456789012",
  "architecture": "x86_64",
  "availabilityZone": "us-east-1b",
  "billingProducts": null,
  "devpayProductCodes": null,
  "marketplaceProductCodes": null,
  "imageId": "ami-0abcdef1234567890",
  "instanceId": "i-0123456789abcdef0",
  "instanceType": "m5.2xlarge",
  "kernelId": null,
  "pendingTime": "2024-05-06T07:08:09Z",
  "privateIp": "10.0.12.34",
  "ramdiskId": null,
  "region": "us-east-1",
  "version": "2017-09-30"
}`
)

// No answer may take longer, and no start.
const (
	giveUp   = 10 * time.Second
	patience = 30 * time.Second
)

// Prints how many requests the service had; not one of them itself.
const counter = "/requests"

func must[T any](value T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func now() int64 { return time.Now().UnixNano() }

// An epoll set; each descriptor reports itself.
type poll struct {
	fd     int
	events [512]syscall.EpollEvent
}

func newPoll() *poll { return &poll{fd: must(syscall.EpollCreate1(0))} }

func (p *poll) add(fd int, events uint32) {
	event := syscall.EpollEvent{Events: events, Fd: int32(fd)}
	if err := syscall.EpollCtl(p.fd, syscall.EPOLL_CTL_ADD, fd, &event); err != nil {
		log.Fatal(err)
	}
}

// Waits; epoll_wait itself knows whole milliseconds only.
func (p *poll) wait(timeout time.Duration) []syscall.EpollEvent {
	const epollPwait2 = 441
	limit := syscall.NsecToTimespec(max(int64(timeout), 0))
	n, _, _ := syscall.Syscall6(epollPwait2, uintptr(p.fd),
		uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)),
		uintptr(unsafe.Pointer(&limit)), 0, 0)
	if int(n) < 0 {
		return nil
	}
	return p.events[:n]
}

func socket(address string) (int, syscall.Sockaddr) {
	at := must(netip.ParseAddrPort(address))
	const kind = syscall.SOCK_STREAM | syscall.SOCK_NONBLOCK | syscall.SOCK_CLOEXEC
	fd := must(syscall.Socket(syscall.AF_INET, kind, 0))
	return fd, &syscall.SockaddrInet4{Addr: at.Addr().As4(), Port: int(at.Port())}
}

// Whether a head says that the connection ends with it.
func closes(head []byte) bool {
	return bytes.Contains(bytes.ToLower(head), []byte("\r\nconnection: close"))
}

func answer(head []byte, count int, closing bool) []byte {
	body, more := region, ""
	_, target, _ := strings.Cut(string(head), " ")
	target, _, _ = strings.Cut(target, " ")
	switch {
	case head[0] == 'P':
		body, more = "AQAEAHh1c2VkX2J5X2JlbmNo", "X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600\r\n"
	case target == counter:
		body = strconv.Itoa(count)
	case strings.HasSuffix(target, "/document"):
		body = fmt.Sprintf("%-600s", document)
	}
	if closing {
		more += "Connection: close\r\n"
	}
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"+
		"Accept-Ranges: none\r\nLast-Modified: Mon, 06 May 2024 07:08:09 GMT\r\n"+
		"Content-Length: %d\r\nDate: Mon, 06 May 2024 08:00:00 GMT\r\n"+
		"Server: EC2ws\r\n%s\r\n%s", len(body), more, body)
}

func serve(address string, delay time.Duration, keep bool) {
	type peer struct {
		head  []byte
		since int // the number of the connection: descriptors are used again
	}
	type pending struct {
		due       int64
		fd, since int
		answer    []byte
		closing   bool
	}
	listener, local := socket(address)
	syscall.SetsockoptInt(listener, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1)
	if err := syscall.Bind(listener, local); err != nil {
		log.Fatal(err)
	}
	if err := syscall.Listen(listener, 4096); err != nil {
		log.Fatal(err)
	}
	poll := newPoll()
	poll.add(listener, syscall.EPOLLIN)
	peers := map[int]*peer{}
	var queue []pending // all have the same delay: the first is due first
	answers := map[string][]byte{}
	connections, requests := 0, 0
	buffer := make([]byte, 65536)
	end := func(fd int) {
		syscall.Close(fd)
		delete(peers, fd)
	}
	for {
		timeout := time.Hour
		if len(queue) > 0 {
			timeout = time.Duration(queue[0].due - now())
		}
		for _, event := range poll.wait(timeout) {
			fd := int(event.Fd)
			if fd == listener {
				for {
					fd, _, err := syscall.Accept4(listener, syscall.SOCK_NONBLOCK)
					if err != nil {
						break
					}
					connections++
					peers[fd] = &peer{since: connections}
					poll.add(fd, syscall.EPOLLIN)
				}
				continue
			}
			n, err := syscall.Read(fd, buffer)
			if err == syscall.EAGAIN {
				continue
			}
			if n <= 0 {
				end(fd)
				continue
			}
			it := peers[fd]
			it.head = append(it.head, buffer[:n]...)
			if !bytes.HasSuffix(it.head, []byte("\r\n\r\n")) {
				continue
			}
			closing := !keep || closes(it.head)
			line, _, _ := bytes.Cut(it.head, []byte("\r"))
			key := string(line) + strconv.FormatBool(closing)
			text := answers[key]
			if text == nil {
				text = answer(it.head, requests, closing)
			}
			if !bytes.Contains(line, []byte(counter)) {
				requests++
				answers[key] = text
			}
			it.head = it.head[:0]
			queue = append(queue, pending{now() + int64(delay), fd, it.since, text, closing})
		}
		for len(queue) > 0 && queue[0].due <= now() {
			first := queue[0]
			queue = queue[1:]
			if it := peers[first.fd]; it == nil || it.since != first.since {
				continue // it left
			}
			syscall.Write(first.fd, first.answer)
			if first.closing {
				end(first.fd)
			}
		}
	}
}

// What was measured at one address; times in seconds.
type result struct {
	Failed  int       `json:"failed"`
	Seconds float64   `json:"seconds"`
	P50     float64   `json:"p50"`
	P99     float64   `json:"p99"`
	Max     float64   `json:"max"`
	Up      int       `json:"up"`  // how often the service was asked meanwhile
	CPU     []float64 `json:"cpu"` // of each process of -pids
	Own     float64   `json:"own"` // of the clients
	At      float64   `json:"at"`  // the end, since 1970

	latencies []int64
}

// A client: one connection at a time.
type client struct {
	fd      int
	address string
	asked   int
	started int64
	got     []byte
	state   int
}

// What a client is about.
const (
	idle = iota
	connecting
	waiting
)

type load struct {
	requests, clients int
	fresh, each       bool
	first, count      bool
	every             time.Duration
	targets           []string
	service           string
	poll              *poll
	byFd              map[int]*client
}

func (l *load) ask(c *client) {
	c.started, c.got = now(), c.got[:0]
	if c.fd >= 0 {
		l.write(c)
		return
	}
	fd, remote := socket(c.address)
	c.fd, c.state, l.byFd[fd] = fd, connecting, c
	syscall.Connect(fd, remote)
	const edge = 1 << 31
	l.poll.add(fd, syscall.EPOLLIN|syscall.EPOLLOUT|syscall.EPOLLRDHUP|edge)
}

func (l *load) write(c *client) {
	more := ""
	if l.fresh {
		more = "Connection: close\r\n"
	}
	c.state = waiting
	syscall.Write(c.fd, []byte("GET "+l.targets[c.asked%len(l.targets)]+
		" HTTP/1.1\r\nHost: 169.254.169.254\r\nUser-Agent: bench\r\nAccept: */*\r\n"+
		more+"\r\n"))
	c.asked++
}

func (l *load) hangUp(c *client) {
	syscall.Close(c.fd)
	delete(l.byFd, c.fd)
	c.fd = -1
}

// Reads what is there; whether the connection has ended.
func (c *client) read(buffer []byte, events uint32) bool {
	for {
		n, err := syscall.Read(c.fd, buffer)
		if n <= 0 {
			return err != syscall.EAGAIN
		}
		c.got = append(c.got, buffer[:n]...)
		if n < len(buffer) && events&syscall.EPOLLRDHUP == 0 {
			return false
		}
	}
}

// Whether an answer is there as a whole, and whether its connection ends with it.
func complete(got []byte) (bool, bool) {
	at := bytes.Index(got, []byte("\r\n\r\n"))
	if at < 0 {
		return false, false
	}
	head := bytes.ToLower(got[:at+2])
	if _, rest, found := bytes.Cut(head, []byte("\r\ncontent-length: ")); found {
		digits, _, _ := bytes.Cut(rest, []byte("\r"))
		length, _ := strconv.Atoi(string(digits))
		return len(got) >= at+4+length, closes(head)
	}
	return bytes.HasSuffix(got, []byte("\r\n0\r\n\r\n")), closes(head)
}

// Asks until all requests have their answers; clients may stay connected.
func (l *load) run(address string, into *result) {
	want := []byte(emulated)
	if address == l.service {
		want = []byte(region)
	}
	began, left, open := now(), l.requests, 0
	next := func(c *client) {
		if left > 0 && !(l.each && c.asked == l.requests/l.clients) {
			left, open = left-1, open+1
			l.ask(c)
		}
	}
	done := func(c *client, right, ended bool) {
		if right {
			into.latencies = append(into.latencies, now()-c.started)
		} else {
			into.Failed++
		}
		if ended {
			l.hangUp(c)
		}
		open, c.state = open-1, idle
		next(c)
	}
	clients := make([]*client, l.clients)
	for i := range clients {
		clients[i] = &client{fd: -1, address: address}
		next(clients[i])
	}
	buffer := make([]byte, 65536)
	pause := time.Second
	if l.first {
		pause = l.every
	}
	for swept := now(); open > 0 || l.first; {
		for _, event := range l.poll.wait(pause) {
			c := l.byFd[int(event.Fd)]
			if c == nil {
				continue
			}
			if c.state == connecting {
				if event.Events&syscall.EPOLLERR != 0 {
					done(c, false, true)
				} else {
					l.write(c)
				}
				continue
			}
			ended := c.read(buffer, event.Events)
			if c.state == idle {
				if ended {
					l.hangUp(c)
				}
				continue
			}
			if whole, last := complete(c.got); whole || ended {
				right := whole && bytes.Contains(c.got, want) &&
					bytes.HasPrefix(c.got, []byte("HTTP/1.1 200"))
				done(c, right, ended || last || l.fresh)
			}
		}
		if now()-swept < int64(pause) {
			continue
		}
		swept = now()
		for _, c := range clients {
			if c.state != idle && swept-c.started > int64(giveUp) {
				done(c, false, true)
			}
		}
		if !l.first {
			continue
		}
		if len(into.latencies) > 0 || swept-began > int64(patience) {
			return
		}
		// One that was refused may not know for a second: others go on.
		if open < 100 {
			left++
			clients = append(clients, &client{fd: -1, address: address})
			next(clients[len(clients)-1])
		}
	}
}

// How many requests the service had.
func (l *load) served() int {
	if !l.count {
		return 0
	}
	asking := load{requests: 1, clients: 1, targets: []string{counter},
		poll: l.poll, byFd: l.byFd}
	c := &client{fd: -1, address: l.service}
	asking.ask(c)
	buffer := make([]byte, 4096)
	for {
		for _, event := range l.poll.wait(giveUp) {
			if int(event.Fd) != c.fd {
				continue
			}
			if c.state == connecting {
				asking.write(c)
			} else if c.read(buffer, event.Events); len(c.got) > 0 {
				asking.hangUp(c)
				_, body, _ := bytes.Cut(c.got, []byte("\r\n\r\n"))
				return must(strconv.Atoi(string(body)))
			}
		}
	}
}

// The processor time of all threads of a process, by the scheduler's account.
func cpu(pid string) float64 {
	sum := 0.0
	for _, file := range must(filepath.Glob("/proc/" + pid + "/task/*/schedstat")) {
		text, err := os.ReadFile(file)
		if err == nil {
			first, _, _ := strings.Cut(string(text), " ")
			sum += must(strconv.ParseFloat(first, 64)) / 1e9
		}
	}
	return sum
}

func usage(pids []string) []float64 {
	used := []float64{}
	for _, pid := range pids {
		used = append(used, cpu(pid))
	}
	return used
}

func (r *result) finish() {
	slices.Sort(r.latencies)
	part := func(share float64) float64 {
		if len(r.latencies) == 0 {
			return 0
		}
		last := float64(len(r.latencies) - 1)
		return float64(r.latencies[int(share*last)]) / 1e9
	}
	r.P50, r.P99, r.Max = part(0.5), part(0.99), part(1)
}

func main() {
	runtime.GOMAXPROCS(1)
	runtime.LockOSThread()
	if len(os.Args) == 5 && os.Args[1] == "serve" {
		serve(os.Args[2], must(time.ParseDuration(os.Args[3])), os.Args[4] == "keep")
	}
	flags := flag.NewFlagSet("load", flag.ExitOnError)
	l := load{poll: newPoll(), byFd: map[int]*client{}}
	flags.IntVar(&l.requests, "n", 1, "requests")
	flags.IntVar(&l.clients, "c", 1, "clients at one time")
	flags.BoolVar(&l.fresh, "fresh", false, "a connection for each request")
	flags.BoolVar(&l.each, "each", false, "the same number of requests for each client")
	flags.BoolVar(&l.first, "first", false, "one each -every, until an answer is right")
	flags.StringVar(&l.service, "service", "", "the address whose answers name the real region")
	flags.BoolVar(&l.count, "count", false, "ask the service how many requests it had")
	targets := flags.String("targets", "/latest/dynamic/instance-identity/document",
		"what clients ask for, in turn")
	pids := flags.String("pids", "", "whose processor time is counted")
	rounds := flags.Int("rounds", 1, "how often, at each address in turn")
	flags.DurationVar(&l.every, "every", time.Millisecond, "the time from round to round")
	hold := flags.Bool("hold", false, "stay connected after that, until killed")
	flags.Parse(os.Args[2:])
	l.targets = strings.Split(*targets, ",")
	measured := strings.FieldsFunc(*pids, func(r rune) bool { return r == ',' })
	results := make([]*result, flags.NArg())
	own := strconv.Itoa(os.Getpid())
	start := time.Now()
	for round := range *rounds {
		time.Sleep(time.Until(start.Add(time.Duration(round) * l.every)))
		for i, address := range flags.Args() {
			if round == 0 {
				results[i] = &result{CPU: make([]float64, len(measured))}
			}
			r := results[i]
			r.Up -= l.served()
			mine, before, began := cpu(own), usage(measured), now()
			l.run(address, r)
			r.Seconds += float64(now()-began) / 1e9
			for i, used := range usage(measured) {
				r.CPU[i] += used - before[i]
			}
			r.Own += cpu(own) - mine
			r.Up += l.served()
			r.At = float64(now()) / 1e9
		}
	}
	for _, r := range results {
		r.finish()
	}
	fmt.Println(string(must(json.Marshal(results))))
	if *hold {
		time.Sleep(time.Hour)
	}
}
