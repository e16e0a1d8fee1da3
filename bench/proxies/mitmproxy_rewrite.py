"""A rewriting proxy with mitmproxy: mitmdump -s mitmproxy_rewrite.py"""


def response(flow):
    flow.response.content = flow.response.content.replace(
        b"us-east-1", b"us-iso-east-1"
    )
