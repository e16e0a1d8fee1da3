// A rewriting proxy as one would write it in Node: http-proxy-middleware with
// its responseInterceptor. Usage: node proxy.mjs PORT UPSTREAM
import http from "node:http";
import process from "node:process";
import {
  createProxyMiddleware,
  responseInterceptor,
} from "http-proxy-middleware";

const [port, target] = process.argv.slice(2);
const forward = createProxyMiddleware({
  target,
  // Without one, every request would open a connection.
  agent: new http.Agent({ keepAlive: true }),
  selfHandleResponse: true,
  on: {
    proxyRes: responseInterceptor((body) =>
      Promise.resolve(
        body.toString("utf8").replaceAll("us-east-1", "us-iso-east-1"),
      )
    ),
  },
});
http.createServer((request, response) => forward(request, response))
  .listen(Number(port), "127.0.0.1");
