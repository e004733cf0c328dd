# Prints the words that an interactive zsh offers for a command line, one a line.
# usage: zsh -f zsh_completed.zsh FOLDER LINE   (FOLDER holds _orilla, and takes what zsh leaves)
zmodload zsh/zpty
export folder=$1
zpty completing "zsh -f -i"
zpty -w completing "source ${(q)0:A:h}/zsh_setup.zsh"
while zpty -r completing line; do [[ $line == ready* ]] && break; done
zpty -w -n completing "$2"$'\t'
isWord=
while zpty -r completing line; do
  line=${line%%$'\r'*}
  [[ $line == 'words>>' ]] && break
  [[ -n $isWord ]] && print -r -- $line
  [[ $line == '<<words' ]] && isWord=1
done
exit 0
