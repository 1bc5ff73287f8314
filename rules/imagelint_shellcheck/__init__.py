"""What ShellCheck says of the scripts of RUN, with codes and words of its own, at their true places in the Dockerfile.

ShellCheck is under the GPL: it runs as a process of its own and is never imported. `pip install
'imagelint[shellcheck]'` brings it; one that is on the PATH does as well.
"""
