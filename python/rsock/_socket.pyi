# The class is the standard one to a type checker: see __init__.pyi.
from socket import SocketIO as SocketIO
from socket import socket as socket
