package main

import (
	"bytes"
	"strconv"
	"syscall"
	"time"
)

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
