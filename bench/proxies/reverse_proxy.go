// A rewriting proxy as one would write it in Go: httputil.ReverseProxy, the
// body replaced in ModifyResponse. Usage: reverse_proxy LISTEN UPSTREAM
package main

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strconv"
)

func rewrite(answer *http.Response) error {
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	answer.Body.Close()
	body = bytes.ReplaceAll(body, []byte("us-east-1"), []byte("us-iso-east-1"))
	answer.Body = io.NopCloser(bytes.NewReader(body))
	answer.ContentLength = int64(len(body))
	answer.Header.Set("Content-Length", strconv.Itoa(len(body)))
	answer.Header.Del("ETag")
	return nil
}

func main() {
	upstream, err := url.Parse(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(upstream)
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.Proxy = nil
	// The default keeps 2 idle connections and opens a new one for the rest.
	transport.MaxIdleConnsPerHost = 64
	proxy.Transport = transport
	proxy.ModifyResponse = rewrite
	log.Fatal(http.ListenAndServe(os.Args[1], proxy))
}
