package main

import (
	"bytes"
	"fmt"
	"log"
	"strconv"
	"strings"
	"syscall"
	"time"
)

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
