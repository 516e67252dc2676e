"""ppmdmsg: AdvancedMD's own API, which it calls XMLRPC."""
